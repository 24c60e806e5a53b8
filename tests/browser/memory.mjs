// What the provider keeps, in memory: the tests find sessions by user in it, and it outlives a change of keys.
export class Memory {
  #models = new Map();

  of(model) {
    if (!this.#models.has(model)) this.#models.set(model, new Model());
    return this.#models.get(model);
  }

  sessionsOf(accountId) {
    return this.of('Session').where((session) => session.accountId === accountId);
  }
}

// The interface that oidc-provider asks of an adapter. Nothing here lives long enough to be swept.
class Model {
  #entries = new Map();

  async upsert(id, payload) { this.#entries.set(id, payload); }
  async find(id) { return this.#entries.get(id); }
  async findByUid(uid) { return this.where((entry) => entry.uid === uid)[0]; }
  async findByUserCode(userCode) { return this.where((entry) => entry.userCode === userCode)[0]; }
  async consume(id) { this.#entries.get(id).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { this.#entries.delete(id); }

  async revokeByGrantId(grantId) {
    for (const [id, entry] of this.#entries) if (entry.grantId === grantId) this.#entries.delete(id);
  }

  where(holds) { return [...this.#entries.values()].filter(holds); }
}

// An OpenID provider that nobody here wrote (the certified npm package oidc-provider), on loopback, over TLS.
//
// Settings: { key, cert, clients, users, secondFactor }. `users` has the claims of each user by name; whoever types a known
// name is logged in. `secondFactor` is the authentication class (acr) that the button for a second factor gives.
import * as http from 'node:http';
import * as https from 'node:https';
import { generateKeyPairSync } from 'node:crypto';
import { Provider, interactionPolicy } from 'oidc-provider';
import { serve } from './protocol.mjs';
import { Memory } from './memory.mjs';

const FIRST_FACTOR = 'urn:test:password';

serve(async ({ key, cert, clients, users, secondFactor }) => {
  let provider;
  const memory = new Memory();
  const reachable = new Map();
  const server = https.createServer({ key, cert }, (request, response) => {
    const handler = request.url.startsWith('/interaction/') ? interact : provider.callback();
    handler(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `https://localhost:${server.address().port}`;
  let generation = 0;
  let keys = [];
  const renew = (kept) => {
    generation += 1;
    keys = [signingKey(`key-${generation}`), ...kept];
    provider = new Provider(issuer, configuration({ clients, users, secondFactor, memory, reachable, keys }));
    provider.on('server_error', (_, error) => console.error(error));
    provider.on('backchannel.error', (_, error) => console.error(error));
  };
  renew([]);

  async function interact(request, response) {
    const { params, session } = await provider.interactionDetails(request, response);
    const wantsSecond = (params.acr_values ?? '').split(' ').includes(secondFactor);
    if (request.method !== 'POST') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(loginPage(session?.accountId ?? params.login_hint, wantsSecond));
      return;
    }
    const form = new URLSearchParams(await text(request));
    const second = form.get('factor') === 'second';
    const accountId = form.get('user');
    const login = {
      accountId,
      acr: second ? secondFactor : FIRST_FACTOR,
      amr: second ? ['pwd', 'otp', 'mfa'] : ['pwd'],
    };
    const refused = { error: 'access_denied', error_description: 'the person is not known' };
    await provider.interactionFinished(request, response, users[accountId] ? { login } : refused);
  }

  const commands = {
    // Says where a host of the gateway is, for calls of the provider; in clear, as between neighbours.
    reach: ({ name, address }) => void reachable.set(name, address),
    // Changes claims of a user.
    claims: ({ user, claims }) => Object.assign(users[user], claims),
    // Ends a user's sessions, and tells the clients so (OpenID Connect Back-Channel Logout 1.0).
    async endSessions({ user }) {
      const ended = memory.sessionsOf(user);
      for (const { uid } of ended) {
        const session = await provider.Session.findByUid(uid);
        for (const clientId of Object.keys(session.authorizations ?? {})) {
          const client = await provider.Client.find(clientId);
          if (client.backchannelLogoutUri) await client.backchannelLogout(user, session.sidFor(clientId));
        }
        await session.destroy();
      }
      return ended.length;
    },
    // Signs with a new key from now on; the old one is still told, unless `forget`.
    rotateKeys: ({ forget }) => renew(forget ? [] : keys),
  };
  return { ready: { issuer }, commands };
});

function configuration({ clients, users, secondFactor, memory, reachable, keys }) {
  return {
    clients,
    jwks: { keys },
    adapter: (model) => memory.of(model),
    cookies: { keys: ['the-cookies-of-the-tests'] },
    acrValues: [FIRST_FACTOR, secondFactor],
    claims: {
      openid: ['sub', 'groups', 'acr', 'amr'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
    },
    // All claims stand in the ID token, as with most providers of companies.
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      revocation: { enabled: true },
    },
    pkce: { required: () => true },
    ttl: { AccessToken: 300, Grant: 3600, IdToken: 300, Interaction: 600, RefreshToken: 3600, Session: 3600 },
    interactions: { policy: policyThatKnowsClasses(), url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, id) => users[id] && { accountId: id, claims: () => ({ sub: id, ...users[id] }) },
    loadExistingGrant: consentToAll,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    fetch: (url, options) => post(reachable, new URL(url), options),
  };
}

// Nobody is asked for consent: the apps are the company's own.
async function consentToAll({ oidc }) {
  const grant = new oidc.provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
  grant.addOIDCScope('openid email profile offline_access');
  await grant.save();
  return grant;
}

// `acr_values` asks for a log-in again where the session is of another class; by itself the package only notes it.
function policyThatKnowsClasses() {
  const { Check, base } = interactionPolicy;
  const policy = base();
  policy.get('login').checks.add(
    new Check('acr_values', 'another authentication class is asked for', ({ oidc }) => {
      const asked = oidc.params.acr_values?.split(' ');
      return asked && !asked.includes(oidc.acr) ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  return policy;
}

function signingKey(kid) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

// What the provider itself sends: tokens of logouts.
function post(reachable, url, { method, headers, body }) {
  const { host, port } = reachable.get(url.hostname) ?? {};
  return new Promise((resolve, reject) => {
    const sent = http.request({ host, port, path: url.pathname, method, headers }, (answer) => {
      answer.resume().on('end', () => resolve(new Response(null, { status: answer.statusCode })));
    });
    sent.on('error', reject).end(String(body));
  });
}

const loginPage = (user, wantsSecond) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Test provider</title></head><body><main><h1>Log in</h1>
<form method="post">
<label>Name <input name="user" value="${user ?? ''}" autocomplete="off"></label>
<button name="factor" value="first">Log in</button>
${wantsSecond ? '<button name="factor" value="second">Log in with a second factor</button>' : ''}
</form></main></body></html>`;

async function text(request) {
  let body = '';
  for await (const piece of request) body += piece;
  return body;
}

// Verifies the assertions that Gác Cổng sends with each request, in the field `Gaccong-Assertion`. Needs Node 18 and no
// package; where you have `jose`, its `jwtVerify` with `createRemoteJWKSet` does the same.
//
// As a program it reads assertions, one a line, and prints their claims as JSON:
//
//     node verify.mjs http://gateway:9090/jwks.json https://auth.example.org payroll

import { createPublicKey, verify as verifySignature } from 'node:crypto'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const KEPT_MS = 300_000
const LEEWAY_S = 30

export class Verifier {
  #keys = new Map()
  #fetchedAt = -Infinity

  constructor(jwksUrl, issuer, app) {
    Object.assign(this, { jwksUrl, issuer, app })
  }

  // The claims. Throws where the request is not from the gateway.
  async verify(assertion) {
    const parts = assertion.split('.')
    if (parts.length !== 3) throw new Error('this is no JWT')
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')))
    // The algorithm is ours to choose, never the token's. Other tokens of the same issuer are no assertions.
    if (header.alg !== 'ES256' || header.typ !== 'gaccong-assertion+jwt') throw new Error('this is no assertion')

    const key = { key: await this.#key(header.kid), dsaEncoding: 'ieee-p1363' }
    const signed = Buffer.from(`${parts[0]}.${parts[1]}`)
    if (!verifySignature('sha256', signed, key, Buffer.from(parts[2], 'base64url'))) throw new Error('it was changed')

    const now = Date.now() / 1000
    if (claims.iss !== this.issuer) throw new Error('it is of another issuer')
    if (claims.aud !== this.app) throw new Error('it is for another app')
    if (!(claims.exp > now - LEEWAY_S)) throw new Error('it has expired')
    if (!(claims.iat < now + LEEWAY_S)) throw new Error('it is of the future')
    return claims
  }

  // The key set is kept as long as it says, and asked for again, at most every ten seconds, when a key is not in it.
  async #key(kid) {
    const age = Date.now() - this.#fetchedAt
    if (age > KEPT_MS || (!this.#keys.has(kid) && age > 10_000)) {
      const response = await fetch(this.jwksUrl, { signal: AbortSignal.timeout(5_000) })
      if (!response.ok) throw new Error(`no key set: ${response.status}`)
      const { keys } = await response.json()
      this.#keys = new Map(keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]))
      this.#fetchedAt = Date.now()
    }
    const key = this.#keys.get(kid)
    if (!key) throw new Error('its key is not known')
    return key
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const verifier = new Verifier(...process.argv.slice(2, 5))
  for await (const line of createInterface({ input: process.stdin })) {
    const said = await verifier.verify(line.trim()).catch((error) => ({ refused: error.message }))
    console.log(JSON.stringify(said))
  }
}

// Answers the `auth_request` of nginx (see `nginx.conf`): 204 with who asks in `X-Principal`, or 401.
//
//     node auth-request.mjs http://gateway:9090/jwks.json https://auth.example.org payroll 9180

import { createServer } from 'node:http'
import { Verifier } from './verify.mjs'

const [jwksUrl, issuer, app, port] = process.argv.slice(2)
const verifier = new Verifier(jwksUrl, issuer, app)

createServer(async (request, response) => {
  try {
    const claims = await verifier.verify(request.headers['gaccong-assertion'] ?? '')
    response.writeHead(204, { 'X-Principal': encodeURI(claims.sub) })
  } catch {
    response.writeHead(401)
  }
  response.end()
}).listen(Number(port), '127.0.0.1')

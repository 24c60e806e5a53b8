"""Verifies the assertions that Gác Cổng sends with each request, in the field `Gaccong-Assertion`.

Needs `pip install "PyJWT[crypto]"`. As a program it reads assertions, one a line, and prints their claims as JSON:

    python3 verify.py http://gateway:9090/jwks.json https://auth.example.org payroll
"""

import json
import sys

import jwt


class Verifier:
    def __init__(self, jwks_url, issuer, app):
        # The key set is kept as long as it says, and asked for again when an assertion names a key that is not in it.
        self.keys = jwt.PyJWKClient(jwks_url, lifespan=300, timeout=5)
        self.issuer = issuer
        self.app = app

    def verify(self, assertion):
        """Returns the claims, or raises `jwt.PyJWTError`: then the request is not from the gateway."""
        # Before the key is looked for: other tokens of the same issuer are no assertions.
        if jwt.get_unverified_header(assertion).get("typ") != "gaccong-assertion+jwt":
            raise jwt.InvalidTokenError("this is no assertion")
        key = self.keys.get_signing_key_from_jwt(assertion)
        return jwt.decode(
            assertion,
            key.key,
            algorithms=["ES256"],  # never what the token itself says
            issuer=self.issuer,
            audience=self.app,
            leeway=30,
            options={"require": ["iss", "aud", "sub", "iat", "exp"]},
        )


def main():
    verifier = Verifier(*sys.argv[1:4])
    for line in sys.stdin:
        try:
            said = verifier.verify(line.strip())
        except jwt.PyJWTError as error:
            said = {"refused": str(error)}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()

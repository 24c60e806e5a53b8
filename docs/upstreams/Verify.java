// Verifies the assertions that Gác Cổng sends with each request, in the field `Gaccong-Assertion`. Needs Java 17 and no
// library; where you have one for JWTs (nimbus-jose-jwt, Spring Security), configure it with the same checks.
//
// As a program it reads assertions, one a line, and prints their claims as JSON:
//
//     java Verify.java http://gateway:9090/jwks.json https://auth.example.org payroll

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class Verify {
    private static final Duration KEPT = Duration.ofSeconds(300);
    private static final Duration LEEWAY = Duration.ofSeconds(30);

    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final URI jwks;
    private final String issuer;
    private final String app;
    private Map<String, PublicKey> keys = Map.of();
    private Instant fetched = Instant.EPOCH;

    public Verify(String jwks, String issuer, String app) {
        this.jwks = URI.create(jwks);
        this.issuer = issuer;
        this.app = app;
    }

    /** The claims as JSON. Throws where the request is not from the gateway. */
    public String verify(String assertion) throws Exception {
        String[] parts = assertion.split("\\.", -1);
        check(parts.length == 3, "this is no JWT");
        Map<?, ?> header = (Map<?, ?>) Json.read(text(parts[0]));
        // The algorithm is ours to choose, never the token's. Other tokens of the same issuer are no assertions.
        check("ES256".equals(header.get("alg")) && "gaccong-assertion+jwt".equals(header.get("typ")), "this is no assertion");

        Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initVerify(key((String) header.get("kid")));
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        check(signature.verify(Base64.getUrlDecoder().decode(parts[2])), "it was changed");

        Map<?, ?> claims = (Map<?, ?>) Json.read(text(parts[1]));
        Instant now = Instant.now();
        check(issuer.equals(claims.get("iss")), "it is of another issuer");
        check(app.equals(claims.get("aud")), "it is for another app");
        check(time(claims, "exp").isAfter(now.minus(LEEWAY)), "it has expired");
        check(time(claims, "iat").isBefore(now.plus(LEEWAY)), "it is of the future");
        return text(parts[1]);
    }

    /** The key set is kept as long as it says, and asked for again, at most every ten seconds, when a key is not in it. */
    private synchronized PublicKey key(String kid) throws Exception {
        Duration age = Duration.between(fetched, Instant.now());
        if (age.compareTo(KEPT) > 0 || (!keys.containsKey(kid) && age.toSeconds() > 10)) {
            HttpRequest request = HttpRequest.newBuilder(jwks).timeout(Duration.ofSeconds(5)).build();
            Map<?, ?> set = (Map<?, ?>) Json.read(http.send(request, BodyHandlers.ofString()).body());
            Map<String, PublicKey> found = new HashMap<>();
            for (Object jwk : (List<?>) set.get("keys")) {
                found.put((String) ((Map<?, ?>) jwk).get("kid"), read((Map<?, ?>) jwk));
            }
            keys = found;
            fetched = Instant.now();
        }
        PublicKey key = keys.get(kid);
        check(key != null, "its key is not known");
        return key;
    }

    private static PublicKey read(Map<?, ?> jwk) throws GeneralSecurityException {
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec("secp256r1"));
        ECPoint point = new ECPoint(number(jwk, "x"), number(jwk, "y"));
        ECPublicKeySpec spec = new ECPublicKeySpec(point, curve.getParameterSpec(ECParameterSpec.class));
        return KeyFactory.getInstance("EC").generatePublic(spec);
    }

    private static BigInteger number(Map<?, ?> jwk, String name) {
        return new BigInteger(1, Base64.getUrlDecoder().decode((String) jwk.get(name)));
    }

    private static Instant time(Map<?, ?> claims, String name) {
        check(claims.get(name) instanceof Double, "it has no `" + name + "`");
        return Instant.ofEpochSecond(((Double) claims.get(name)).longValue());
    }

    private static String text(String part) {
        return new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8);
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new SecurityException(otherwise);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Verify verifier = new Verify(arguments[0], arguments[1], arguments[2]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            String said;
            try {
                said = verifier.verify(line.strip());
            } catch (Exception error) {
                said = "{\"refused\":true}";
            }
            System.out.println(said);
        }
    }

    /** As much of JSON as tokens and key sets need: your service has a library for it. */
    private static final class Json {
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static Object read(String text) {
            Json json = new Json(text);
            Object value = json.value(0);
            json.blanks();
            check(json.at == text.length(), "not JSON");
            return value;
        }

        private Object value(int depth) {
            check(depth < 8, "nested too deep");
            blanks();
            switch (text.charAt(at)) {
                case '{': {
                    Map<String, Object> map = new LinkedHashMap<>();
                    for (at++; !ends('}'); skip(',', '}')) {
                        String name = string();
                        skip(':', ':');
                        check(map.put(name, value(depth + 1)) == null, "said twice");
                    }
                    return map;
                }
                case '[': {
                    List<Object> list = new ArrayList<>();
                    for (at++; !ends(']'); skip(',', ']')) {
                        list.add(value(depth + 1));
                    }
                    return list;
                }
                case '"':
                    return string();
                default:
                    int from = at;
                    while (at < text.length() && ",]} \n".indexOf(text.charAt(at)) < 0) {
                        at++;
                    }
                    String word = text.substring(from, at);
                    return word.equals("true") || word.equals("false") || word.equals("null") ? word : Double.valueOf(word);
            }
        }

        private String string() {
            blanks();
            check(text.charAt(at++) == '"', "not JSON");
            StringBuilder string = new StringBuilder();
            for (char c; (c = text.charAt(at++)) != '"'; ) {
                if (c != '\\') {
                    string.append(c);
                } else if (text.charAt(at) == 'u') {
                    string.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                    at += 5;
                } else {
                    int which = "nrtbf".indexOf(text.charAt(at));
                    string.append(which < 0 ? text.charAt(at) : "\n\r\t\b\f".charAt(which));
                    at++;
                }
            }
            return string.toString();
        }

        private boolean ends(char end) {
            blanks();
            boolean ends = text.charAt(at) == end;
            at += ends ? 1 : 0;
            return ends;
        }

        /** A separator, or the end, which stays. */
        private void skip(char separator, char end) {
            blanks();
            char c = text.charAt(at);
            check(c == separator || c == end, "not JSON");
            at += c == separator ? 1 : 0;
        }

        private void blanks() {
            while (at < text.length() && " \n\r\t".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }
    }
}

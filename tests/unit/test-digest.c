/* test-digest.c - SHA-256: published values, any division of the data, and the plain form against the instructions. */
#include <string.h>

#include "digest-blocks.h"
#include "digest.h"
#include "rng.h"
#include "tap.h"

static void is_digest(const void *data, size_t n, const char *expected, const char *what)
{
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    digest_of(data, n, digest);
    digest_hex(digest, hex);
    ok(strcmp(hex, expected) == 0, "%s: %s", what, hex);
}

/* The examples of FIPS 180-4 (csrc.nist.gov, "Examples with Intermediate Values") and the empty message. */
static void test_published(void)
{
    static char million[1000000];
    memset(million, 'a', sizeof million);
    is_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "no bytes");
    is_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "one block");
    is_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "two blocks");
    is_digest(million, sizeof million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
              "a million bytes");
}

enum { BYTES = 300 };

static void fill(uint8_t *data, size_t n)
{
    struct rng r = rng_stream(1, 2, 3, 4);
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(rng_f64(&r) * 256);
}

static void test_hex(void)
{
    static const char *const refused[] = {
        "", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015add",
        "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
    uint8_t digest[DIGEST_BYTES], parsed[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    digest_of("abc", 3, digest);
    digest_hex(digest, hex);
    ok(digest_parse(hex, parsed) && memcmp(digest, parsed, sizeof digest) == 0, "hexadecimal digits are read back");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ok(!digest_parse(refused[i], parsed), "refused: \"%s\"", refused[i]);
    ok(!digest_parse(NULL, parsed), "no text");
}

static void test_pieces(void)
{
    uint8_t data[BYTES], whole[DIGEST_BYTES], parts[DIGEST_BYTES];
    int n_same = 0, n_cut = 0;
    fill(data, sizeof data);
    for (size_t n = 0; n <= BYTES; n += 37)
        for (size_t a = 0; a <= n; a++)
            for (size_t b = a; b <= n; b += 13, n_cut++) {
                struct digest d;
                digest_of(data, n, whole);
                digest_init(&d);
                digest_add(&d, data, a);
                digest_add(&d, data + a, b - a);
                digest_add(&d, data + b, n - b);
                digest_end(&d, parts);
                n_same += memcmp(whole, parts, sizeof whole) == 0;
            }
    is_int(n_same, n_cut, "any division into three pieces gives the same digest");
}

static void test_instructions(void)
{
    enum { BLOCKS = 33 };
    uint8_t data[BLOCKS * DIGEST_BLOCK + 1];
    if (!digest_blocks_has_sha()) {
        skip("this processor has none", "the instructions compute what plain C does");
        return;
    }
    fill(data, sizeof data);
    int n_same = 0;
    for (size_t n = 0; n <= BLOCKS; n++) {
        uint32_t x[8] = {1, 2, 3, 4, 0xfffffff5, 6, 7, 8}, y[8];
        memcpy(y, x, sizeof y);
        digest_blocks_plain(x, data + 1, n);
        digest_blocks_sha(y, data + 1, n);
        n_same += memcmp(x, y, sizeof x) == 0;
    }
    is_int(n_same, BLOCKS + 1, "the instructions compute what plain C does, from an odd address");
}

int main(void)
{
    test_published();
    test_hex();
    test_pieces();
    test_instructions();
    return tap_done();
}

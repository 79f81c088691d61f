/* fuzz-block - the container from bytes as they are, by seeking and from a pipe; if the first byte of the input is odd,
 * the checks of header and index are corrected first. */
#include <stdlib.h>
#include <string.h>

#include "block-internal.h"
#include "bytes.h"
#include "verify.h"
#include "wrap.h"
#include "xxh64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t number(const uint8_t *p, size_t n)
{
    struct bytes c = bytes_over(p, n);
    return bytes_uint(&c, n);
}

static void repair(uint8_t *file, size_t n)
{
    if (n < 72 + 16 + 56)
        return;
    uint64_t header = 8 + number(file + 4, 4), n_blocks = number(file + n - 48, 8);
    if (header < 88 || header > n || n_blocks > n / 24 || header + 56 + 24 * n_blocks > n)
        return;
    block_check_of(file, header - 16, NULL, 0, file + header - 16);
    uint8_t *index = file + n - 56 - 24 * n_blocks;
    uint64_t at = header;
    for (uint64_t i = 0; i < n_blocks; i++) {
        uint8_t *entry = index + 8 + 24 * i;
        uint64_t coded = number(entry, 4);
        if (coded > (uint64_t)(index - file) - at)
            break;
        uint64_t hash = xxh64(file + at, coded);
        for (int k = 0; k < 8; k++)
            entry[16 + k] = (uint8_t)(hash >> (8 * k));
        at += coded;
    }
    block_check_of(file + header - 16, 16, index, (size_t)(file + n - 24 - index), file + n - 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    uint8_t *file = malloc(n); /* exactly as large as the file, so that a read beyond it is detected */
    if (!file)
        return 0;
    memcpy(file, data + 1, n - 1);
    if (data[0] & 1)
        repair(file, n - 1);
    struct verify_counts seeking, piped;
    struct fmt_memory a = {file, n - 1, 0}, b = {file, n - 1, 0};
    struct fmt_reader seek = fmt_memory_reader(&a), pipe = wrap_pipe(&b);
    int status = verify_whole(&seek, &seeking, NULL, NULL, NULL);
    int other = verify_whole(&pipe, &piped, NULL, NULL, NULL);
    /* Both ways of reading accept the same files with the same contents. */
    if ((status == 0) != (other == 0) || (status == 0 && seeking.n_records != piped.n_records))
        abort();
    free(file);
    return 0;
}

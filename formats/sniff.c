/* sniff.c - signatures of binary files first, then known beginnings of texts, then whether it is a text at all. */
#include "sniff.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct signature {
    size_t at, n;
    const char *bytes, *what;
};

#define AT(at, bytes, what) {at, sizeof(bytes) - 1, bytes, what}
static const struct signature binary[] = {
    AT(0, "\x1f\x8b", "compressed by gzip, to be unpacked first"),
    AT(0, "\xfd" "7zXZ", "compressed by xz, to be unpacked first"),
    AT(0, "BZh", "compressed by bzip2, to be unpacked first"),
    AT(0, "\x28\xb5\x2f\xfd", "compressed by zstd, to be unpacked first"),
    AT(0, "7z\xbc\xaf\x27\x1c", "a 7z archive, to be unpacked first"),
    AT(0, "PK\3\4", "a zip archive"),
    AT(257, "ustar", "a tar archive, to be unpacked first"),
    AT(0, "\x89HDF", "an HDF5 file"),
    AT(0, "\x93NUMPY", "a NumPy array"),
    AT(0, "GGUF", "a GGUF file"),
    AT(0, "\xff\xd8\xff", "a JPEG image"),
    AT(0, "\x89PNG", "a PNG image"),
    AT(0, "%PDF", "a PDF document"),
    AT(0, "\x7f" "ELF", "a program"),
};

static const struct signature texts[] = {
    AT(0, "version https://git-lfs", "a pointer of git LFS: the file itself was not downloaded (git lfs pull does)"),
    AT(0, "<!doctype html", "an HTML page, perhaps one that asks for a login, and not the file meant"),
    AT(0, "<html", "an HTML page, perhaps one that asks for a login, and not the file meant"),
    AT(0, "<?xml", "an XML text, perhaps a server's error, and not the file meant"),
    AT(0, "{", "a JSON text"),
};

static bool is_text(const uint8_t *head, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (head[i] < ' ' && !isspace(head[i]))
            return false;
    return n > 0;
}

static const char *begins_as(const uint8_t *head, size_t n)
{
    if (n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
        head += 3, n -= 3;
    while (n > 0 && isspace(*head))
        head++, n--;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (n >= texts[i].n && strncasecmp((const char *)head, texts[i].bytes, texts[i].n) == 0)
            return texts[i].what;
    return "a text";
}

const char *sniff_text(const uint8_t *head, size_t n)
{
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
        if (n >= binary[i].at + binary[i].n && memcmp(head + binary[i].at, binary[i].bytes, binary[i].n) == 0)
            return binary[i].what;
    if (n >= 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return "a pickle that torch.save did not write";
    return is_text(head, n) ? begins_as(head, n) : NULL;
}

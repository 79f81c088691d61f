/* foreign-image.c - signatures; of files of ISO base media (HEIC, AVIF, films) the brands. */
#include "foreign-image.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* In brackets: the package of Debian and Ubuntu that has the program. */
#define CONVERT "convert FILE FILE.png (package imagemagick)"
#define RAW "dcraw -T -w FILE (package dcraw, or the program of the camera)"
#define HEIF "heif-convert FILE FILE.jpg (package libheif-examples)"
#define JP2 "opj_decompress -i FILE -o FILE.png (package libopenjp2-tools)"
#define JXL "djxl FILE FILE.png (package libjxl-tools)"

static const struct foreign_image heic = {"HEIC", HEIF},
                                  avif = {"AVIF", HEIF},
                                  film = {"a film", "ffmpeg -i FILE FILE-%d.jpg (package ffmpeg)"},
                                  raw = {"a camera's raw file", RAW};

#define AT(at, bytes, name, command) {at, sizeof(bytes) - 1, bytes, {name, command}}
static const struct {
    size_t at, n;
    const char *bytes;
    struct foreign_image what;
} signatures[] = {
    AT(8, "WEBP", "WebP", "dwebp FILE -o FILE.png (package webp)"),
    AT(0, "GIF8", "GIF", CONVERT),
    AT(0, "8BPS", "Photoshop", CONVERT),
    AT(0, "\0\0\0\x0cjP  ", "JPEG 2000", JP2),
    AT(0, "\xff\x4f\xff\x51", "JPEG 2000", JP2),
    AT(0, "\0\0\0\x0cJXL ", "JPEG XL", JXL),
    AT(0, "\xff\x0a", "JPEG XL", JXL),
    AT(0, "\x76\x2f\x31\x01", "OpenEXR", CONVERT),
    AT(0, "FUJIFILMCCD-RAW", "a camera's raw file", RAW),
    AT(8, "CR\2", "a camera's raw file", RAW),
    AT(0, "IIU\0", "a camera's raw file", RAW),
    AT(0, "IIRO", "a camera's raw file", RAW),
    AT(0, "IIRS", "a camera's raw file", RAW),
    AT(0, "FOVb", "a camera's raw file", RAW),
    AT(128, "DICM", "DICOM", "dcmj2pnm --write-png FILE FILE.png (package dcmtk)"),
    AT(0, "P1", "PNM", CONVERT), AT(0, "P2", "PNM", CONVERT), AT(0, "P3", "PNM", CONVERT),
    AT(0, "P4", "PNM", CONVERT), AT(0, "P5", "PNM", CONVERT), AT(0, "P6", "PNM", CONVERT),
    AT(0, "BM", "BMP", CONVERT),
};

static const char *const raw_endings[] = {".dng", ".nef", ".nrw", ".cr2", ".cr3", ".arw", ".srf", ".sr2", ".orf",
                                          ".rw2", ".raf", ".pef", ".srw", ".x3f", ".iiq", ".3fr", ".erf", ".kdc", NULL},
                  *const endings[] = {".bmp", ".gif", ".webp", ".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k",
                                      ".jxl", ".psd", ".ppm", ".pgm", ".pbm", ".exr", ".dcm", NULL};

static bool ends_in(const char *name, const char *const *list)
{
    while (*list && !text_ends_with_any_case(name, *list))
        list++;
    return *list;
}

bool foreign_image_is_name(const char *name)
{
    return ends_in(name, endings) || ends_in(name, raw_endings);
}

/* The major brand and those that follow the version, of four bytes each. */
static bool has_brand(const uint8_t *head, size_t n, const char *brands)
{
    size_t box = (size_t)head[2] << 8 | head[3];
    for (size_t at = 8; at + 4 <= n && at + 4 <= box; at += at == 8 ? 8 : 4)
        for (const char *b = brands; *b; b += 4)
            if (memcmp(head + at, b, 4) == 0)
                return true;
    return false;
}

static const struct foreign_image *of_brands(const uint8_t *head, size_t n)
{
    if (has_brand(head, n, "crx "))
        return &raw;
    if (has_brand(head, n, "avifavis"))
        return &avif;
    return has_brand(head, n, "heicheixheimheishevchevxmif1msf1") ? &heic : &film;
}

const struct foreign_image *foreign_image_of(const uint8_t *head, size_t n, const char *path)
{
    bool tiff = n >= 4 && (memcmp(head, "II*\0", 4) == 0 || memcmp(head, "MM\0*", 4) == 0);
    if (n >= 12 && memcmp(head + 4, "ftyp", 4) == 0)
        return of_brands(head, n);
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (n >= signatures[i].at + signatures[i].n &&
            memcmp(head + signatures[i].at, signatures[i].bytes, signatures[i].n) == 0)
            return &signatures[i].what;
    return tiff && ends_in(path, raw_endings) ? &raw : NULL;
}

void foreign_image_tell(const uint8_t *data, size_t n, const char *path, struct fmt_error *e)
{
    const struct foreign_image *what = foreign_image_of(data, n < FOREIGN_IMAGE_BYTES ? n : FOREIGN_IMAGE_BYTES, path);
    size_t used = strlen(e->text);
    if (what)
        snprintf(e->text + used, sizeof e->text - used, ", but %s%s%s", what->name, what->command ? ": " : "",
                 what->command ? what->command : "");
}

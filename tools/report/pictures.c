/* pictures.c - a picture is read, decoded, made small, encoded again and written in base 64. */
#include "pictures.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "image-file.h"
#include "image-png.h"
#include "jpeg.h"
#include "markup.h"
#include "num.h"
#include "resize.h"
#include "text.h"

enum { QUALITY = 82 };

/* ------------------------------------------------------------------ data: URIs */
static void put_base64(FILE *out, const uint8_t *data, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t second = left > 1 ? data[i + 1] : 0, third = left > 2 ? data[i + 2] : 0;
        uint32_t v = (uint32_t)data[i] << 16 | second << 8 | third;
        const char four[4] = {digit[v >> 18], digit[v >> 12 & 63], left > 1 ? digit[v >> 6 & 63] : '=',
                              left > 2 ? digit[v & 63] : '='};
        fwrite(four, 1, sizeof four, out);
    }
}

/* The encoded picture in s->file. False: it would not fit any more. */
static bool put_picture(struct pictures *s, FILE *out, const struct image *im, const char *type, const char *class_name,
                        const char *alt)
{
    int64_t bytes = (int64_t)(s->file.bytes + 2) / 3 * 4;
    if (s->bytes + bytes > s->bytes_max) {
        s->n_left_out++;
        return false;
    }
    s->n++;
    s->bytes += bytes;
    fprintf(out, "<img width=\"%d\" height=\"%d\"%s alt=\"", im->width, im->height, class_name);
    markup_text(out, alt);
    fprintf(out, "\" src=\"data:image/%s;base64,", type);
    put_base64(out, s->file.data, s->file.bytes);
    fputs("\">\n", out);
    return true;
}

static void put_reason(FILE *out, const char *reason)
{
    fputs("<p class=\"soft\">", out);
    markup_text(out, reason);
    fputs("</p>\n", out);
}

/* ------------------------------------------------------------------ reading */
static int load(struct pictures *s, const char *path, const struct image_settings *how, struct fmt_error *e)
{
    uint8_t *data = NULL;
    size_t bytes;
    int status = file_load_regular(path, IMAGE_FILE_BYTES_MAX, &data, &bytes, e);
    if (status)
        return status;
    struct fmt_error why = {0};
    status = image_file_decode(data, bytes, how, &s->image, NULL, &why);
    free(data);
    return status ? fmt_fail(e, why.status, "%.200s: %.150s", path, why.text) : 0;
}

/* s->small: the picture with at most `side` pixels a side; what is smaller stays as it is. */
static int shrink(struct pictures *s, int side, struct fmt_error *e)
{
    const struct image *im = &s->image;
    int longer = im->width > im->height ? im->width : im->height, to = longer < side ? longer : side;
    struct resize r = {.in_h = im->height, .in_w = im->width, .channels = im->components,
                       .out_h = num_max(1, (int64_t)im->height * to / longer),
                       .out_w = num_max(1, (int64_t)im->width * to / longer)};
    r.rows = r.out_h;
    r.cols = r.out_w;
    int status = image_reserve(&s->small, (int)r.out_w, (int)r.out_h, im->components, e);
    if (status)
        return status;
    struct arena plan = {0};
    int64_t stride = (int64_t)im->width * im->components;
    resize_bicubic(&r, im->pixels, stride, s->small.pixels, &plan);
    if (plan.high > s->scratch.size) {
        arena_release(&s->scratch);
        status = arena_init(&s->scratch, plan.high, e);
    }
    if (!status && plan.high > 0)
        s->scratch.used = 0;
    if (!status)
        resize_bicubic(&r, im->pixels, stride, s->small.pixels, &s->scratch);
    return status;
}

static int encode(struct pictures *s, struct fmt_error *e)
{
    const struct jpeg_encoding how = {.quality = QUALITY, .chroma_halved = true};
    s->file.bytes = 0;
    return jpeg_encode(&s->small, &how, &s->file, e);
}

static int prepare(struct pictures *s, const char *path, const struct image_settings *how, int side,
                   struct fmt_error *e)
{
    int status = load(s, path, how, e);
    if (!status)
        status = shrink(s, side, e);
    return status ? status : encode(s, e);
}

/* ------------------------------------------------------------------ places */
bool pictures_have_photographs(const struct pictures *s)
{
    return s->folder || s->index;
}

/* No name leads out of the folder. */
static bool stays_inside(const char *key)
{
    for (const char *at = key; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2]))
            return false;
    return key[0] != '/';
}

/* For free(); NULL: not known, or no memory. how: as the catalogue says. */
static char *path_of(const struct pictures *s, const char *key, struct image_settings *how)
{
    int64_t found = s->index ? names_find_end(s->keys, key) : -1;
    if (found >= 0) {
        how->bits = s->index->entry[found].decoding.bits;
        const char *root = s->folder ? s->folder : s->root;
        return root && root[0] ? file_join(root, s->index->entry[found].path) : strdup(s->index->entry[found].path);
    }
    if (!s->folder)
        return strdup(key); /* as bbu-inspect names files */
    return stays_inside(key) ? file_join(s->folder, key) : NULL;
}

/* So wide that its heat map stands below rather than beside it. */
static bool is_flat(const struct image *im)
{
    return 5 * im->width > 8 * im->height;
}

static void note_failure(struct pictures *s, const char *text)
{
    if (s->n_failed++ == 0)
        snprintf(s->first_failure, sizeof s->first_failure, "%s", text);
}

void pictures_photograph(struct pictures *s, FILE *out, const char *key, int side, const char *alt)
{
    struct fmt_error e = {0};
    if (s->bytes >= s->bytes_max) {
        s->n_left_out++;
        return;
    }
    struct image_settings how = {.fill = true};
    char *path = path_of(s, key, &how);
    int status = path ? prepare(s, path, &how, side, &e) : fmt_fail(&e, FMT_INVALID, "%.200s: outside the folder", key);
    if (status) {
        note_failure(s, e.text);
        put_reason(out, "No picture.");
    } else {
        put_picture(s, out, &s->small, "jpeg", is_flat(&s->small) ? " class=\"flat\"" : "", alt);
    }
    free(path);
}

/* KEY.png, or the key with .png for its ending; for free(); NULL: neither is there. */
static char *map_named(const char *folder, const char *key)
{
    const size_t length[] = {strlen(key), text_stem(key)};
    for (int i = 0; stays_inside(key) && i < 2; i++) {
        char *name = NULL,
             *path = asprintf(&name, "%.*s.png", (int)length[i], key) >= 0 ? file_join(folder, name) : NULL;
        free(name);
        if (path && file_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

/* By the key or else by its end, as bbu-inspect names files by paths, and feat-bank by keys of a catalogue. */
static char *map_of(const struct pictures *s, const char *key)
{
    char *found = NULL;
    for (const char *at = s->maps ? key : NULL; at && !found; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
        found = map_named(s->maps, at);
    return found;
}

bool pictures_map(struct pictures *s, FILE *out, const char *key, int side, const char *alt)
{
    struct fmt_error e = {0};
    char *path = s->bytes < s->bytes_max ? map_of(s, key) : NULL;
    bool good = path && prepare(s, path, NULL, side, &e) == 0;
    if (path && !good)
        note_failure(s, e.text);
    free(path);
    return good && put_picture(s, out, &s->small, "jpeg", "", alt);
}

void pictures_pixels(struct pictures *s, FILE *out, const struct image *im, const char *alt)
{
    struct fmt_error e = {0};
    s->file.bytes = 0;
    struct fmt_writer to = fmt_buffer_writer(&s->file);
    if (image_png_write(im, &to, &e))
        note_failure(s, e.text);
    else
        put_picture(s, out, im, "png", " class=\"pixels\"", alt);
}

void pictures_release(struct pictures *s)
{
    image_release(&s->image);
    image_release(&s->small);
    arena_release(&s->scratch);
    fmt_buffer_release(&s->file);
}

/* dataset-format.c - files beside the photographs that are pictures of other formats: told by their content, counted by
 * format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset-internal.h"
#include "file.h"
#include "foreign-image.h"
#include "image-file.h"

/* The beginning of a file; 0: it cannot be read, or is none. */
static size_t read_head(const char *whole, uint8_t head[FOREIGN_IMAGE_BYTES])
{
    struct file f;
    struct stat st;
    if (stat(whole, &st) != 0 || !S_ISREG(st.st_mode) || file_open_nowait(&f, whole, NULL))
        return 0;
    struct fmt_reader io = file_reader(&f);
    int64_t n = io.read(io.arg, head, FOREIGN_IMAGE_BYTES);
    file_close(&f);
    return n > 0 ? (size_t)n : 0;
}

bool dataset_is_photograph(const struct dataset *d, const char *path)
{
    uint8_t head[FOREIGN_IMAGE_BYTES];
    if (!image_file_is_name(path))
        return false;
    if (!foreign_image_is_name(path))
        return true;
    char *whole = dataset_path(d, path);
    size_t n = whole ? read_head(whole, head) : 0;
    free(whole);
    return image_file_kind_of(head, n, path) != IMAGE_NONE;
}

/* What the file is, in `out`: "HEIC: heif-convert FILE FILE.jpg makes a readable one of it"; "": it cannot be read. */
static void describe(const char *whole, char *out, size_t bytes)
{
    uint8_t head[FOREIGN_IMAGE_BYTES];
    size_t n = read_head(whole, head);
    const struct foreign_image *what = foreign_image_of(head, n, whole);
    *out = 0;
    if (what)
        snprintf(out, bytes, "%s, which is not decoded here: %s", what->name, what->command);
    else if (n > 0)
        snprintf(out, bytes, "no picture of a known format, by its content");
}

static int count_one(struct dataset *d, const char *what, const char *path, struct fmt_error *e)
{
    for (int i = 0; i < d->n_formats; i++)
        if (strcmp(d->format[i].what, what) == 0) {
            d->format[i].n++;
            return 0;
        }
    struct dataset_format *grown = realloc(d->format, ((size_t)d->n_formats + 1) * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    d->format = grown;
    struct dataset_format *f = &d->format[d->n_formats];
    *f = (struct dataset_format){text_copy(&d->text, what, strlen(what)), text_copy(&d->text, path, strlen(path)), 1};
    if (!f->what || !f->first)
        return fmt_no_memory(e);
    d->n_formats++;
    return 0;
}

int dataset_count_format(struct dataset *d, const char *path, struct fmt_error *e)
{
    char what[160], *whole = dataset_path(d, path);
    if (!whole)
        return fmt_no_memory(e);
    describe(whole, what, sizeof what);
    free(whole);
    return count_one(d, what, path, e);
}

int dataset_note_formats(struct dataset *d, struct fmt_error *e)
{
    int status = 0;
    for (int i = 0; i < d->n_formats && !status; i++) {
        const struct dataset_format *f = &d->format[i];
        char more[40] = "";
        if (f->n > 1)
            snprintf(more, sizeof more, ", with %lld more", (long long)f->n - 1);
        status = dataset_note_counted(d, DATASET_OTHER_FORMAT, f->first, f->n, e, "%s%sleft out%s", f->what,
                                      *f->what ? "; " : "", more);
    }
    free(d->format);
    d->format = NULL;
    d->n_formats = 0;
    return status;
}

void dataset_tell_format(const struct dataset *d, const char *path, char *out, size_t bytes)
{
    char what[160], *whole = *d->root && *path != '/' ? dataset_path(d, path) : strdup(path);
    *out = 0;
    if (!whole || !file_exists(whole)) {
        free(whole);
        return;
    }
    describe(whole, what, sizeof what);
    free(whole);
    snprintf(out, bytes, "; a file is there%s%s", *what ? ", " : "", what);
}

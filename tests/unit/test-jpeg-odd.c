/* test-jpeg-odd.c - unusual, damaged and hostile JPEG files of other projects, where they are at hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "file.h"
#include "jpeg.h"
#include "tap.h"

static const char *odd_folder(void)
{
    static const char *const places[] = {"../shared/data/odd-jpegs", "../../shared/data/odd-jpegs"};
    for (int i = 0; i < 2; i++)
        if (file_is_dir(places[i]))
            return places[i];
    return NULL;
}

static const char *const must_refuse[] = {"truncated_baseline", "truncated_progressive", "height_doubled", "ultrahdr",
                                          "restart_interval_zeroed", "restart_marker_missing", "partial_progressive",
                                          "progressive-missing", "hopper_bad_exif", "junk_before_soi",
                                          "bit_flips_progressive"};

static const char *const must_note[] = {"no_eoi", "junk_after_eoi", "extraneous-data", "truncated_app14",
                                        "jpeg_ff00", "junk_jpeg_header"};

static bool in(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(name, list[i], strlen(list[i])) == 0)
            return true;
    return false;
}

static void odd_file(const char *kind, const char *name, const char *path)
{
    uint8_t *data;
    size_t bytes;
    struct fmt_error e = {0};
    struct image im = {0};
    struct image_notes notes = {0};
    if (file_load(path, IMAGE_FILE_BYTES_MAX, &data, &bytes, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    int status = jpeg_decode(data, bytes, NULL, &im, &notes, &e);
    if (strcmp(kind, "ok") == 0)
        ok(status == 0 && notes.n == 0, "%s/%s decodes without a note %s%s", kind, name, e.text, notes.text);
    else if (strcmp(kind, "hostile") == 0)
        ok(status != 0 && im.capacity < 4000000, "%s/%s is refused: %s", kind, name, e.text);
    else if (in(name, must_refuse, sizeof must_refuse / sizeof *must_refuse))
        ok(status != 0, "%s/%s is refused: %s", kind, name, e.text);
    else if (in(name, must_note, sizeof must_note / sizeof *must_note))
        ok(status == 0 && notes.n > 0, "%s/%s decodes with a note: %s%s", kind, name, notes.text, e.text);
    else
        ok(true, "%s/%s: %s%s", kind, name, status ? e.text : "decodes ", notes.text);
    image_release(&im);
    free(data);
}

static void odd_files(void)
{
    static const char *const kinds[] = {"ok", "rare", "damaged", "hostile"};
    const char *folder = odd_folder();
    if (!folder) {
        skip("shared/data/odd-jpegs is not here", "hard cases of other projects");
        return;
    }
    for (int k = 0; k < 4; k++) {
        char **names, *below = file_join(folder, kinds[k]);
        int64_t n;
        if (!below || file_list(below, &names, &n, NULL))
            continue;
        for (int64_t i = 0; i < n; i++) {
            char *path = file_join(below, names[i]);
            odd_file(kinds[k], names[i], path);
            free(path);
        }
        file_list_free(names, n);
        free(below);
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
#ifndef __SANITIZE_ADDRESS__
    ok(used.ru_maxrss < 200 << 10, "at most 200 MiB for all of them (%ld KiB)", used.ru_maxrss);
#endif
}

int main(void)
{
    odd_files();
    return tap_done();
}

/* photo-list.h - the photographs that are to be judged, in the order of their installations.
 *
 *   struct photo_list_how how = {.pattern = &pattern, .separator = '\n'};
 *   photo_list_open(&l, operands, n, &how, e);
 *   l.photo[i]: its installation, view, label; image_set_read(&l.images, l.photo[i].image, ...) reads it
 *   photo_list_close(&l);
 *
 * Operands are of one kind: shards (files, folders of them); a catalogue; or image files, folders that hold such files
 * at any depth, and "-", names from standard input. Of shards and catalogues the installations are theirs. A line of
 * standard input may have, after a tab, the installation, and after another one the view. Other names are compared with
 * the pattern (group-pattern.h); what does not fit it belongs to the installation of its folder if it is in a folder
 * below one that was named, and else is an installation of its own. An installation is of one folder: its name is
 * relative to the folder that was named if that is the only operand, else it has the folders before it.
 */
#ifndef PHOTO_LIST_H
#define PHOTO_LIST_H

#include "group-pattern.h"
#include "image-set.h"
#include "text.h"

struct photo {
    int64_t image;     /* its number in the set */
    const char *name;  /* of its file; of shards its key */
    const char *group; /* "" where a catalogue has none: of its own */
    int64_t i_group;   /* number of the installation; the list is in this order, then by view and name */
    int32_t view;      /* -1: not known */
    int32_t label;     /* -1: not known */
    bool fill;         /* cut short, and the catalogue says that it is to be filled */
};

struct photo_list {
    struct image_set images;
    struct photo *photo;
    int64_t n, n_groups, capacity;
    char **class_name; /* of the labels; NULL: none have one */
    int n_classes;
    char **own_classes; /* for free() */
    struct text_pool text;
};

struct photo_list_how {
    const struct group_pattern *pattern;
    char separator; /* of names on standard input: '\n' or 0 */
    const char *split; /* of a catalogue or shards, only these; NULL: all */
};

int photo_list_open(struct photo_list *l, const char *const *operand, int n, const struct photo_list_how *how,
                    struct fmt_error *e);
void photo_list_close(struct photo_list *l); /* a zeroed struct is allowed */

/* One by one: a zeroed list, any number of photo_list_add, photo_list_sort. group NULL: by the pattern, the part of the
 * name from `relative` on; in_folder: the name is below a folder that was named. Texts are copied. */
int photo_list_add(struct photo_list *l, const char *name, size_t relative, bool in_folder, const char *group,
                   int32_t view, const struct group_pattern *pattern, struct fmt_error *e);
/* Numbers the installations and puts the list in order; a file that was added to one of them twice is there once. */
int photo_list_sort(struct photo_list *l, struct fmt_error *e);

/* The installation of a name as photo_list_add finds it: m->group, m->view. */
void photo_list_group(const char *relative, bool in_folder, const struct group_pattern *pattern,
                      struct group_match *m);
/* A line "NAME", "NAME<tab>GROUP" or "NAME<tab>GROUP<tab>VIEW", which is cut up: *group NULL and *view -1 where they
 * are missing. */
int photo_list_split_line(char *line, const char **name, const char **group, int32_t *view, struct fmt_error *e);
/* Whether a file of this name in a folder is taken for an image: by its ending, and not hidden; its contents then
 * say what it is. */
bool photo_list_is_image(const char *name);

#endif

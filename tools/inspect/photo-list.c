/* photo-list.c - see photo-list.h. */
#include "photo-list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "image-file.h"
#include "num.h"
#include "path-list.h"
#include "rootpath.h"
#include "verify.h"

enum { DEPTH_MAX = 32 };

/* ------------------------------------------------------------------ adding */
static int add_photo(struct photo_list *l, const struct photo *p, struct fmt_error *e)
{
    if (fmt_grow(&l->photo, l->n, &l->capacity, sizeof *l->photo, e))
        return FMT_MEMORY;
    struct photo *to = &l->photo[l->n];
    *to = *p;
    to->name = text_copy(&l->text, p->name, strlen(p->name));
    to->group = text_copy(&l->text, p->group, strlen(p->group));
    if (!to->name || !to->group)
        return fmt_no_memory(e);
    l->n++;
    return 0;
}

void photo_list_group(const char *relative, bool in_folder, const struct group_pattern *pattern,
                      struct group_match *m)
{
    const char *slash = strrchr(relative, '/');
    if (group_pattern_match(pattern, relative, m))
        return;
    size_t n = in_folder && slash ? (size_t)(slash - relative) : text_stem(relative);
    n = n <= INDEX_TEXT_MAX ? n : INDEX_TEXT_MAX;
    memcpy(m->group, relative, n);
    m->group[n] = 0;
    m->view = -1;
}

int photo_list_add(struct photo_list *l, const char *name, size_t relative, bool in_folder, const char *group,
                   int32_t view, const struct group_pattern *pattern, struct fmt_error *e)
{
    struct group_match m;
    struct photo p = {.image = l->images.n, .name = name, .group = group, .view = view, .label = -1};
    if (!group) {
        photo_list_group(name + relative, in_folder, pattern, &m);
        p.group = m.group;
        p.view = m.view;
    }
    int status = image_set_add(&l->images, name, e);
    return status ? status : add_photo(l, &p, e);
}

/* ------------------------------------------------------------------ the order */
static int by_group_name(const void *a, const void *b)
{
    const struct photo *x = *(const struct photo *const *)a, *y = *(const struct photo *const *)b;
    int c = strcmp(x->group, y->group);
    return c ? c : (x > y) - (x < y);
}

/* Numbers installations in the order in which they first appear; a photograph without one is one of its own. */
static int number_groups(struct photo_list *l, struct fmt_error *e)
{
    struct photo **sorted = malloc((size_t)(l->n + 1) * sizeof *sorted);
    int64_t *first = malloc((size_t)(l->n + 1) * sizeof *first); /* the first photograph of each one's group */
    if (sorted && first) {
        for (int64_t i = 0; i < l->n; i++)
            sorted[i] = &l->photo[i];
        qsort(sorted, (size_t)l->n, sizeof(struct photo *), by_group_name);
        for (int64_t i = 0; i < l->n; i++) {
            int64_t k = sorted[i] - l->photo;
            bool same = i > 0 && *sorted[i]->group && strcmp(sorted[i]->group, sorted[i - 1]->group) == 0;
            first[k] = same ? first[sorted[i - 1] - l->photo] : k;
        }
        l->n_groups = 0;
        for (int64_t i = 0; i < l->n; i++)
            l->photo[i].i_group = first[i] == i ? l->n_groups++ : l->photo[first[i]].i_group;
    }
    int status = sorted && first ? 0 : fmt_no_memory(e);
    free(sorted);
    free(first);
    return status;
}

static int by_group(const void *a, const void *b)
{
    const struct photo *x = a, *y = b;
    if (x->i_group != y->i_group)
        return x->i_group < y->i_group ? -1 : 1;
    if (x->view != y->view)
        return x->view < y->view ? -1 : 1;
    int c = strcmp(x->name, y->name);
    return c ? c : (x->image > y->image) - (x->image < y->image);
}

static int by_name(const void *a, const void *b)
{
    const struct photo *x = a, *y = b;
    if (x->i_group != y->i_group)
        return x->i_group < y->i_group ? -1 : 1;
    int c = strcmp(x->name, y->name);
    return c ? c : (x->image > y->image) - (x->image < y->image);
}

/* A file that was named several times is one photograph of its installation: it does not stand for other views. */
static void drop_repeated(struct photo_list *l)
{
    int64_t n = 0;
    qsort(l->photo, (size_t)l->n, sizeof *l->photo, by_name);
    for (int64_t i = 0; i < l->n; i++)
        if (n == 0 || l->photo[n - 1].i_group != l->photo[i].i_group || strcmp(l->photo[n - 1].name, l->photo[i].name))
            l->photo[n++] = l->photo[i];
    l->n = n;
}

int photo_list_sort(struct photo_list *l, struct fmt_error *e)
{
    int status = l->n > 0 ? number_groups(l, e) : 0;
    if (status || l->n == 0)
        return status;
    if (!l->images.from_shards) /* several sets of shards may have a key each */
        drop_repeated(l);
    qsort(l->photo, (size_t)l->n, sizeof *l->photo, by_group);
    return 0;
}

/* ------------------------------------------------------------------ image files and folders */
bool photo_list_is_image(const char *name)
{
    return !strchr(".@#$~", *name) && image_file_is_name(name);
}

struct adding {
    struct photo_list *l;
    const struct photo_list_how *how;
    bool alone; /* the folder is all that was named */
    struct fmt_error *e;
};

static int walk(const struct adding *a, const char *folder, size_t relative, int depth)
{
    char **name;
    int64_t n;
    int status = depth < DEPTH_MAX ? file_list(folder, &name, &n, a->e)
                                   : fmt_fail(a->e, FMT_LIMIT, "%.250s: folders nested too deep", folder);
    if (status)
        return status;
    for (int64_t i = 0; i < n && !status; i++) {
        if (strchr(".@#$~", *name[i]))
            continue;
        char *path = file_join(folder, name[i]);
        if (!path)
            status = fmt_no_memory(a->e);
        else if (file_is_dir(path))
            status = walk(a, path, relative, depth + 1);
        else if (photo_list_is_image(name[i]))
            status = photo_list_add(a->l, path, relative, true, NULL, -1, a->how->pattern, a->e);
        free(path);
    }
    file_list_free(name, n);
    return status;
}

int photo_list_split_line(char *line, const char **name, const char **group, int32_t *view, struct fmt_error *e)
{
    int64_t v = -1;
    *name = strsep(&line, "\t");
    *group = strsep(&line, "\t");
    const char *number = strsep(&line, "\t");
    if (line || (number && *number && (!num_i64(number, &v) || v < 0 || v > INT32_MAX)))
        return fmt_fail(e, FMT_INVALID, "standard input: %.200s: not NAME, GROUP, VIEW with tabs between them", *name);
    *view = (int32_t)v;
    return 0;
}

static int add_line(void *arg, const char *line)
{
    const struct adding *a = arg;
    char text[PATH_LIST_NAME_MAX + 2];
    const char *name, *group;
    int32_t view;
    snprintf(text, sizeof text, "%s", line);
    int status = photo_list_split_line(text, &name, &group, &view, a->e);
    return status ? status : photo_list_add(a->l, name, 0, false, group, view, a->how->pattern, a->e);
}

static int add_operand(const struct adding *a, const char *operand)
{
    if (strcmp(operand, "-") == 0)
        return path_list_read(a->how->separator, add_line, (void *)a, a->e);
    if (!file_is_dir(operand))
        return photo_list_add(a->l, operand, 0, false, NULL, -1, a->how->pattern, a->e);
    size_t n = strlen(operand);
    return walk(a, operand, a->alone ? n + (operand[n - 1] != '/') : 0, 0);
}

/* ------------------------------------------------------------------ catalogues and shards */
static bool is_asked(const struct photo_list_how *how, const struct index_labels *labels)
{
    return !how->split || strcmp(how->split, labels->split) == 0;
}

static int add_labelled(struct photo_list *l, const struct index_labels *labels, int64_t image, struct fmt_error *e)
{
    struct photo p = {.image = image, .name = labels->key, .group = labels->group, .view = labels->group_view,
                      .label = labels->label};
    return add_photo(l, &p, e);
}

static int add_entries(struct photo_list *l, const struct index *x, const char *root, const struct photo_list_how *how,
                       struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = 0; i < x->n_entries && !status; i++) {
        const struct index_entry *t = &x->entry[i];
        if (!is_asked(how, &t->labels))
            continue;
        char *path = *root ? file_join(root, t->path) : strdup(t->path);
        status = path ? image_set_add(&l->images, path, e) : fmt_no_memory(e);
        free(path);
        if (!status)
            status = add_labelled(l, &t->labels, l->images.n - 1, e);
        if (!status)
            l->photo[l->n - 1].fill = t->decoding.filled;
    }
    return status;
}

static int add_catalogue(struct photo_list *l, const char *path, const struct photo_list_how *how, struct fmt_error *e)
{
    struct file f;
    struct index x;
    struct fmt_error why = {0};
    char *root = NULL;
    int status = file_open(&f, path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&f);
    status = index_read(&x, &io, &why);
    file_close(&f);
    if (status)
        return fmt_fail(e, why.status, "%.190s: %.200s", path, why.text);
    status = rootpath_find(x.root, path, &root, e);
    if (!status)
        status = add_entries(l, &x, root, how, e);
    l->class_name = l->own_classes = x.class_name;
    l->n_classes = x.n_classes;
    x.class_name = NULL; /* they are the list's now */
    x.n_classes = 0;
    index_release(&x);
    free(root);
    return status;
}

static int add_shards(struct photo_list *l, const char *const *operand, int n, const struct photo_list_how *how,
                      struct fmt_error *e)
{
    struct block_buffer buffer = {0};
    int status = image_set_open(&l->images, operand, n, '\n', e);
    for (int64_t i = 0; !status && i < l->images.n; i++) {
        struct shard_image record;
        status = shard_set_read(&l->images.shards, i, &buffer, &record, e);
        if (!status && is_asked(how, &record.labels))
            status = add_labelled(l, &record.labels, i, e);
    }
    block_buffer_release(&buffer);
    l->class_name = l->images.shards.class_name;
    l->n_classes = l->images.shards.n_classes;
    return status;
}

/* ------------------------------------------------------------------ opening */
/* BLOCK_ANY: an image, or a folder of images. */
static enum block_kind kind_of(const char *operand)
{
    struct file f;
    struct verify_peek peek;
    enum block_kind kind = BLOCK_ANY;
    if (strcmp(operand, "-") == 0)
        return BLOCK_ANY;
    if (file_is_dir(operand)) {
        char **name;
        int64_t n = 0;
        if (file_list(operand, &name, &n, NULL))
            return BLOCK_ANY;
        for (int64_t i = 0; i < n && kind == BLOCK_ANY; i++)
            kind = shard_set_is_name(name[i]) ? BLOCK_SHARD : BLOCK_ANY;
        file_list_free(name, n);
        return kind;
    }
    if (file_open_regular(&f, operand, NULL))
        return BLOCK_ANY;
    struct fmt_reader io = file_reader(&f);
    kind = verify_peek(&peek, &io);
    file_close(&f);
    return kind;
}

int photo_list_open(struct photo_list *l, const char *const *operand, int n, const struct photo_list_how *how,
                    struct fmt_error *e)
{
    struct adding a = {l, how, n == 1, e};
    enum block_kind kind = kind_of(operand[0]);
    int status = 0;
    *l = (struct photo_list){.n = 0};
    for (int i = 1; i < n && !status; i++)
        if (kind_of(operand[i]) != kind || kind == BLOCK_INDEX)
            status = fmt_fail(e, FMT_INVALID, "one catalogue, or shards, or images and their folders: not mixed");
    if (!status && kind != BLOCK_ANY && kind != BLOCK_INDEX && kind != BLOCK_SHARD)
        status = fmt_fail(e, FMT_INVALID, "%.250s: a file of kind %s, not photographs", operand[0],
                          block_kind_name(kind));
    if (!status && how->split && kind == BLOCK_ANY)
        status = fmt_fail(e, FMT_INVALID, "%.250s: splits are of catalogues and shards", operand[0]);
    if (!status && kind == BLOCK_SHARD)
        status = add_shards(l, operand, n, how, e);
    else if (!status && kind == BLOCK_INDEX)
        status = add_catalogue(l, operand[0], how, e);
    for (int i = 0; i < n && !status && kind == BLOCK_ANY; i++)
        status = add_operand(&a, operand[i]);
    if (!status)
        status = photo_list_sort(l, e);
    if (status)
        photo_list_close(l);
    return status;
}

void photo_list_close(struct photo_list *l)
{
    image_set_close(&l->images);
    free(l->photo);
    free(l->own_classes);
    text_release(&l->text);
    *l = (struct photo_list){.n = 0};
}

/* origin.c - links come with their depth; lists are opened and closed so that they nest. */
#include "origin.h"

#include "file.h"
#include "trace.h"

struct chain {
    struct page *page;
    int depth; /* of the link before; 0: none */
};

static void close_to(struct chain *c, int depth)
{
    for (; c->depth > depth; c->depth--)
        fputs(c->depth > 1 ? "</li></ul>" : "</li>\n", c->page->out);
}

static void add(void *arg, const struct trace_link *link)
{
    struct chain *c = arg;
    struct page *p = c->page;
    int depth = link->depth <= c->depth + 1 ? link->depth : c->depth + 1;
    close_to(c, depth);
    if (c->depth == depth)
        fputs("</li>\n", p->out);
    for (; c->depth < depth; c->depth++)
        fputs(c->depth ? "\n<ul>" : "", p->out);
    fputs("<li>", p->out);
    page_text(p, "%s ", link->kind);
    if (link->identity[0])
        fprintf(p->out, "<code>%.12s</code> ", link->identity);
    page_text(p, "%s", link->path ? link->path : link->is_file ? "(not found)" : "(of contents, no file)");
    if (link->note[0])
        page_text(p, ", %s", link->note);
}

void origin_section(struct page *p, struct identity_search *files, const char *path)
{
    struct chain c = {.page = p};
    struct fmt_error e = {0};
    struct file f;
    page_section(p, "origin", "Origin");
    page_paragraph(p, "%s, and what it was made from, back to the photographs:", path);
    int status = file_open(&f, path, &e);
    if (!status) {
        fputs("<ul class=\"chain\">\n", p->out);
        status = f.regular ? trace_file(files, path, &f, add, &c, &e)
                           : fmt_fail(&e, FMT_UNSUPPORTED, "it came from a pipe");
        close_to(&c, 0);
        if (status)
            fputs("<li>not known</li>\n", p->out);
        fputs("</ul>\n", p->out);
        file_close(&f);
    }
    if (status)
        page_paragraph(p, "The chain ends here: %s", e.text);
    else
        page_paragraph(p, "The same, from a shell: bbu-info --trace FILE.");
}

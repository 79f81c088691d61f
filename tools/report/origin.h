/* origin.h - the chain from a file back to the photographs, as a list in a page (trace.h). */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "identity-search.h"
#include "page.h"

/* A section. A file that does not say what it was made from, or cannot be followed, gets a sentence instead. */
void origin_section(struct page *p, struct identity_search *files, const char *path);

#endif

/* opt-completion.h - scripts by which a shell completes the options of a tool, made from its table of options.
 *
 *   opt_completion_print(stdout, &tool, "bash");     what TOOL --completion=bash prints
 *
 * Options are completed by name, their values where the table lists words; values that are paths, and operands, by the
 * names of files.
 */
#ifndef OPT_COMPLETION_H
#define OPT_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

#include "opt.h"

/* shell: "bash", "zsh" or "fish"; false: another. */
bool opt_completion_print(FILE *out, const struct opt_tool *tool, const char *shell);

#endif

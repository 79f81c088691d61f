/* model.h - what the settings of a run (config.h) say about its networks: dimensions for vit.h and head.h. */
#ifndef MODEL_H
#define MODEL_H

#include "config.h"
#include "head.h"
#include "vit.h"

/* The backbone of student.* and crops.*; vit_check() tells whether such a network can be. */
struct vit_config model_vit(const struct config *c);

/* The head of dino.* or, ibot true, ibot.* (to be asked for where ibot.separate_head is set). */
struct head_config model_head(const struct config *c, bool ibot);

#endif

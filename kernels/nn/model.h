/* model.h - the dimensions of a run's networks (vit.h, head.h) from its settings (config.h). */
#ifndef MODEL_H
#define MODEL_H

#include "config.h"
#include "head.h"
#include "vit.h"

/* The backbone, from student.* and crops.*. It is not checked: vit_check(). */
struct vit_config model_vit(const struct config *c);

/* The DINO head, from dino.*; or the iBOT head, from ibot.*, which exists where ibot.separate_head is true. */
struct head_config model_head(const struct config *c, bool ibot);

#endif

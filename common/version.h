/* version.h - the version of the tools, printed by --version and recorded in provenance. */
#ifndef VERSION_H
#define VERSION_H
#define DINOTOOLS_VERSION "0.2.0"
#endif

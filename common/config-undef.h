/* config-undef.h - undefines the macros of config.def after a use, so that the next can define them otherwise. */
#undef SECTION
#undef END
#undef INT
#undef INT_NULL
#undef REAL
#undef REAL_NULL
#undef BOOL
#undef TEXT
#undef TEXT_NAMED
#undef PAIR
#undef TRIPLE
#undef INTS
#undef PATHS
#undef CHOICE
#undef CHOICE_NAMED

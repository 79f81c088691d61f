/* config-undef.h - forgets the macros of one use of config.def, so that the next can give them another meaning. */
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
#undef CHOICE

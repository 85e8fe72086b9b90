/* What the private library needs. */
int overtone_build(void) { return BUILD; }

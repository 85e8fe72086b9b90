/* A private library that does not say its name. */
int hum_build(void) { return BUILD; }

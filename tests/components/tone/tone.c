/* A private library: with a version, a static, and a need of its own. */
int overtone_build(void);

int tone_build(void) { return BUILD; }

int tone_overtone(void) { return overtone_build(); }

int tone_next(void) {
    static int count;
    return ++count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h - what a generation of the array says of the picture is always the same: the
 * answers to classify by generation, compared with whoever asked first.
 */
#ifndef TESTS_FLOW_ANSWERS_H
#define TESTS_FLOW_ANSWERS_H

#include "tests/flow/serve_fixture.h"

/* Forgets all answers: before each daemon with a state folder of its own. */
void answers_forget(void);
/* Looks at an answer of classify, scores and wrong bits; gives its generation, 0 if it
 * has none. Any thread. */
uint64_t answers_note(const char *body);
/* Classifies once; expects an answer, gives its generation. */
uint64_t answers_classify(struct serve *serve);
/* How many generations have answered, and how many answers were not the first of their
 * generation. While nobody notes any. */
size_t answers_generations(void);
size_t answers_different(void);

#endif

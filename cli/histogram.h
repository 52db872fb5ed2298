/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.h - cells by their write error rate, as bars. */
#ifndef CLI_HISTOGRAM_H
#define CLI_HISTOGRAM_H

#include <jansson.h>
#include <stdio.h>

/* Prints the histograms of `layers` (of GET /memory) that have the same direction and
 * edges as one, cells added up. Bars are logarithmic: the few weak cells are what
 * matters. Prints nothing if there are none. */
void histogram_print(FILE *out, const json_t *layers);

#endif

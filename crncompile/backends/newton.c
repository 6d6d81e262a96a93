/*
 * Newton's method for the steady states of a batch, by chunks of samples that read the constants of the devices together.
 *
 * What it is given of a network: its groups, the blocks of its Jacobian, how to eliminate them, and the compiled functions of
 * its families. Each sample goes its own way: what happens to it does not depend on the others or on the number of threads.
 * `real` and `at` are those of the families' functions.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef void family_function(at first, at last, const real *const *in, const real *const *fixed, const at *strides,
                             const at *const *index, real *const *out);

/* Reservoirs in the vector of floating, or of held, potentials. */
struct group { at start, size, held, molecular; };

/* A block of the Jacobian: dense (rows, columns), or the diagonal (rows). */
struct block { at row, column, dense, size; };

/* A call of a family's function: `in` are numbers of groups, or of groups at a second state, behind all others; `out` is 0 for
   currents, else the number of a block + 1. */
struct call {
    family_function *run;
    at ins, outs;
    const at *in, *out;
    const real *const *fixed;
    const at *strides;
    const at *const *index;
};

/* A block at work in an elimination: it begins at `offset` as the Jacobian's block number `from`, or as zero if that is -1.
   Rows of a dense one are `width` numbers apart, a multiple of LANES. */
struct part { at row, column, dense, width, size, offset, from; };

/* One step of an elimination, of parts `a`, `b`, `c` (see `eliminate`). */
struct step { at what, a, b, c; };
enum { PIVOT, SCALE, FILL, FORWARD, BACKWARD, DIVIDE };

struct plan {
    at parts, steps, room, transposed;
    const struct part *part;
    const struct step *step;
};

struct network {
    at groups, floating, held, blocks, linearise, gross, currents, margins;
    const struct group *group;
    const struct block *block;
    const struct call *linearises, *grosses, *current, *margin;
    struct plan plan;
};

/* See crncompile/solve/newton.py: what counts as arrived, and when to give up. */
struct settings {
    real longest, arrived, still, allowed, vanishing, margin;
    at iterations, patience, polishing, chunk;
};

struct found {
    at *status, *iterations, *confined; /* whether proved; may be missing */
    real *u, *step, *currents, *gross, *response; /* response may be missing */
    real *const *blocks;
};

enum { LOST, FOUND };

static real size_of(const real *x, at n)
{
    real most = 0;
    int unknown = 0;
#pragma omp simd reduction(max : most) reduction(| : unknown)
    for (at i = 0; i < n; i++) {
        const real size = fabs(x[i]);
        most = size > most ? size : most;
        unknown |= x[i] != x[i];
    }
    return unknown ? INFINITY : most;
}

/* Numbers that a processor works on at once, and more are no harm. */
enum { LANES = 64 / sizeof(real) };
typedef real lanes __attribute__((vector_size(64), aligned(sizeof(real)), may_alias));

/* --- linear algebra of one sample ---------------------------------------------------------------------------------------- */

static inline void subtract(real *row, real factor, const real *other, at width)
{
    for (at j = 0; j < width; j += LANES) *(lanes *)(row + j) -= factor * *(const lanes *)(other + j);
}

/* LU factors of a (n, width) in place, by rows that are exchanged with `swap`; false where it is singular. */
static int factorise(real *a, at n, at width, at *swap)
{
    for (at k = 0; k < n; k++) {
        at best = k;
        for (at i = k + 1; i < n; i++)
            if (fabs(a[i * width + k]) > fabs(a[best * width + k])) best = i;
        swap[k] = best;
        if (!(fabs(a[best * width + k]) > 0)) return 0;
        if (best != k)
            for (at j = 0; j < n; j++) {
                const real other = a[k * width + j];
                a[k * width + j] = a[best * width + j];
                a[best * width + j] = other;
            }
        if (k + 1 == n) break;
        const real inverse = 1 / a[k * width + k], *pivot = a + k * width;
        const at aligned = (k + 1) / LANES * LANES, behind = aligned + LANES;
        real first[LANES]; /* of the numbers to subtract: none up to the diagonal */
        for (at j = 0; j < LANES; j++) first[j] = aligned + j > k ? pivot[aligned + j] : 0;
        const lanes begin = *(const lanes *)first;
        for (at i = k + 1; i < n; i++) {
            real *row = a + i * width;
            const real factor = row[k] * inverse;
            *(lanes *)(row + aligned) -= factor * begin;
            subtract(row + behind, factor, pivot + behind, width - behind);
            row[k] = factor;
        }
    }
    return 1;
}

/* Solve for one column x (n), in place. */
static void substitute(const real *a, at n, at width, const at *swap, real *x)
{
    for (at k = 0; k < n; k++) {
        const real other = x[k];
        x[k] = x[swap[k]];
        x[swap[k]] = other;
    }
    for (at i = 0; i < n; i++)
        for (at k = 0; k < i; k++) x[i] -= a[i * width + k] * x[k];
    for (at i = n - 1; i >= 0; i--) {
        for (at k = i + 1; k < n; k++) x[i] -= a[i * width + k] * x[k];
        x[i] /= a[i * width + i];
    }
}

/* Solve for the columns of x (n, across), in place. */
static void substitute_all(const real *a, at n, at width, const at *swap, real *x, at across)
{
    for (at k = 0; k < n; k++)
        for (at j = 0; swap[k] != k && j < across; j++) {
            const real other = x[k * across + j];
            x[k * across + j] = x[swap[k] * across + j];
            x[swap[k] * across + j] = other;
        }
    for (at i = 0; i < n; i++)
        for (at k = 0; k < i; k++) subtract(x + i * across, a[i * width + k], x + k * across, across);
    for (at i = n - 1; i >= 0; i--) {
        for (at k = i + 1; k < n; k++) subtract(x + i * across, a[i * width + k], x + k * across, across);
        const real inverse = 1 / a[i * width + i];
        for (at j = 0; j < across; j += LANES) *(lanes *)(x + i * across + j) *= inverse;
    }
}

/* x *= factor, number by number. */
static void scale(real *restrict x, const real *restrict factor, at n)
{
#pragma omp simd
    for (at i = 0; i < n; i++) x[i] *= factor[i];
}

static void invert(real *x, at n)
{
#pragma omp simd
    for (at i = 0; i < n; i++) x[i] = 1 / x[i];
}

/* to -= part from */
static void multiply(const real *restrict own, const struct part *part, at rows, at columns, const real *restrict from,
                     real *restrict to)
{
    if (!part->dense) {
#pragma omp simd
        for (at i = 0; i < rows; i++) to[i] -= own[i] * from[i];
        return;
    }
    for (at i = 0; i < rows; i++) {
        real sum = 0;
        const real *row = own + i * part->width;
#pragma omp simd reduction(+ : sum)
        for (at j = 0; j < columns; j++) sum += row[j] * from[j];
        to[i] -= sum;
    }
}

/* Rows of target (width apart) -= lower upper, `between` numbers deep; several rows at once, as one waits for its sums. */
static void fill_dense(real *target, const real *lower, at step, const real *upper, at rows, at between, at width)
{
    at i = 0;
    for (; i + 4 <= rows; i += 4)
        for (at j = 0; j < width; j += LANES) {
            lanes *at0 = (lanes *)(target + i * width + j), *at1 = (lanes *)(target + (i + 1) * width + j);
            lanes *at2 = (lanes *)(target + (i + 2) * width + j), *at3 = (lanes *)(target + (i + 3) * width + j);
            lanes sum0 = *at0, sum1 = *at1, sum2 = *at2, sum3 = *at3;
            const real *l = lower + i * step;
            for (at k = 0; k < between; k++, l++) {
                const lanes other = *(const lanes *)(upper + k * width + j);
                sum0 -= l[0] * other;
                sum1 -= l[step] * other;
                sum2 -= l[2 * step] * other;
                sum3 -= l[3 * step] * other;
            }
            *at0 = sum0, *at1 = sum1, *at2 = sum2, *at3 = sum3;
        }
    for (; i < rows; i++)
        for (at j = 0; j < width; j += LANES) {
            lanes sum = *(lanes *)(target + i * width + j);
            for (at k = 0; k < between; k++) sum -= lower[i * step + k] * *(const lanes *)(upper + k * width + j);
            *(lanes *)(target + i * width + j) = sum;
        }
}

/* target -= lower upper, each diagonal or dense; `between` is the size of the group that is eliminated. */
static void fill(real *target, const struct part *to, const real *lower, const struct part *l, const real *upper,
                 const struct part *u, at rows, at between)
{
    if (!l->dense && !u->dense) {
        for (at i = 0; i < rows; i++) target[to->dense ? i * to->width + i : i] -= lower[i] * upper[i];
    } else if (!l->dense) {
        for (at i = 0; i < rows; i++) subtract(target + i * to->width, lower[i], upper + i * to->width, to->width);
    } else if (!u->dense) {
        for (at i = 0; i < rows; i++)
            for (at j = 0; j < between; j++) target[i * to->width + j] -= lower[i * l->width + j] * upper[j];
    } else {
        fill_dense(target, lower, l->width, upper, rows, between, to->width);
    }
}

static void load(const struct part *part, const struct network *network, const struct plan *plan, real *const *blocks, at b,
                 real *restrict to)
{
    const at rows = network->group[part->row].size, columns = network->group[part->column].size, width = part->width;
    if (part->dense) memset(to, 0, part->size * sizeof(real));
    if (part->from < 0) {
        if (!part->dense) memset(to, 0, part->size * sizeof(real));
        return;
    }
    const struct block *block = network->block + part->from;
    const real *from = blocks[part->from] + b * block->size;
    if (!part->dense) {
        memcpy(to, from, part->size * sizeof(real));
    } else if (!block->dense) {
        for (at i = 0; i < rows; i++) to[i * width + i] = from[i];
    } else if (plan->transposed) {
        for (at j = 0; j < columns; j++)
            for (at i = 0; i < rows; i++) to[i * width + j] = from[j * rows + i];
    } else {
        for (at i = 0; i < rows; i++) memcpy(to + i * width, from + i * columns, columns * sizeof(real));
    }
}

/* Solve for x (floating), in place, with the blocks of sample b; false where a pivot is singular. */
static int eliminate(const struct network *network, const struct plan *plan, real *const *blocks, at b, real *work,
                     at *swaps, real *x)
{
    for (at p = 0; p < plan->parts; p++)
        load(plan->part + p, network, plan, blocks, b, work + plan->part[p].offset);
    for (const struct step *s = plan->step; s < plan->step + plan->steps; s++) {
        const struct part *a = plan->part + s->a, *l = plan->part + s->b, *u = plan->part + s->c;
        const struct group *row = network->group + a->row, *column = network->group + a->column;
        real *own = work + a->offset, *to = x + row->start;
        const real *pivot = work + l->offset;
        switch (s->what) {
        case PIVOT: /* a becomes its factors */
            if (!a->dense) invert(own, row->size);
            else if (!factorise(own, row->size, a->width, swaps + row->start)) return 0;
            break;
        case DIVIDE: /* x of a's rows by the pivot a */
            if (a->dense) substitute(own, row->size, a->width, swaps + row->start, to);
            else scale(to, own, row->size);
            break;
        case SCALE: /* a is divided by the pivot b */
            if (l->dense) substitute_all(pivot, row->size, l->width, swaps + row->start, own, a->width);
            else if (!a->dense) scale(own, pivot, row->size);
            else for (at i = 0; i < row->size; i++)
                for (at j = 0; j < a->width; j += LANES) *(lanes *)(own + i * a->width + j) *= pivot[i];
            break;
        case FILL: /* a -= b c */
            fill(own, a, pivot, l, work + u->offset, u, row->size, network->group[u->row].size);
            break;
        default: /* FORWARD, BACKWARD: x of a's rows -= a times x of its columns */
            multiply(own, a, row->size, column->size, x + column->start, to);
        }
    }
    return 1;
}

/* result = factor * (J or its transpose) x, and the same of all absolute values if `sizes`. */
static void product(const struct network *network, int transposed, real *const *blocks, at b, const real *x,
                    real *restrict result, real *restrict sizes)
{
    for (at k = 0; k < network->blocks; k++) {
        const struct block *block = network->block + k;
        const struct group *row = network->group + block->row, *column = network->group + block->column;
        const real *entries = blocks[k] + b * block->size;
        const real *from = x + (transposed ? row : column)->start;
        real *to = result + (transposed ? column : row)->start, *large = sizes + (transposed ? column : row)->start;
        if (!block->dense) {
#pragma omp simd
            for (at i = 0; i < row->size; i++) {
                to[i] += entries[i] * from[i];
                large[i] += fabs(entries[i] * from[i]);
            }
            continue;
        }
        for (at i = 0; i < row->size; i++) {
            const real *line = entries + i * column->size;
            if (transposed) {
                const real factor = from[i];
#pragma omp simd
                for (at j = 0; j < column->size; j++) {
                    to[j] += line[j] * factor;
                    large[j] += fabs(line[j] * factor);
                }
            } else {
                real sum = 0, size = 0;
#pragma omp simd reduction(+ : sum, size)
                for (at j = 0; j < column->size; j++) {
                    const real term = line[j] * from[j];
                    sum += term;
                    size += fabs(term);
                }
                to[i] += sum;
                large[i] += size;
            }
        }
    }
}

/* Whether J x = right as exactly as is allowed; `error` becomes J x - right. */
static int exact_enough(const struct network *network, int transposed, real *const *blocks, at b, const real *x,
                        const real *right, const struct settings *settings, real *error, real *sizes)
{
    const at n = network->floating;
    memset(error, 0, n * sizeof(real));
    memset(sizes, 0, n * sizeof(real));
    product(network, transposed, blocks, b, x, error, sizes);
    real most = 0;
    int exact = 1;
#pragma omp simd reduction(max : most)
    for (at i = 0; i < n; i++) {
        error[i] -= right[i];
        sizes[i] += fabs(right[i]);
        most = sizes[i] > most ? sizes[i] : most;
    }
#pragma omp simd reduction(& : exact)
    for (at i = 0; i < n; i++) exact &= fabs(error[i]) <= settings->allowed * sizes[i] + settings->vanishing * most;
    return exact;
}

/* Solve J x = right or with the transpose of J, refined once where that is needed (Skeel 1980); false where it fails. */
static int solve(const struct network *network, const struct plan *plan, real *const *blocks, at b, const real *right,
                 const struct settings *settings, real *work, at *swaps, real *x, real *error, real *sizes)
{
    const at n = network->floating;
    memcpy(x, right, n * sizeof(real));
    if (!eliminate(network, plan, blocks, b, work, swaps, x)) return 0;
    if (exact_enough(network, plan->transposed, blocks, b, x, right, settings, error, sizes)) return 1;
    if (!eliminate(network, plan, blocks, b, work, swaps, error)) return 0;
    for (at i = 0; i < n; i++) x[i] -= error[i];
    return exact_enough(network, plan->transposed, blocks, b, x, right, settings, error, sizes);
}

/* --- a chunk of samples -------------------------------------------------------------------------------------------------- */

enum phase { APPROACH, POLISH, RETURN };

struct course { enum phase phase; at sample, patience, count; real before, best; };

struct chunk {
    real *u, *best, *held, *into, *x, *right, *error, *sizes, *work;
    real **inputs, **out;
    at *swaps;
    struct course *course;
    void *memory;
};

static int allocate(const struct network *network, at chunk, struct chunk *c)
{
    at entries = 0, read = 0;
    for (at k = 0; k < network->blocks; k++) entries += network->block[k].size;
    for (at g = 0; g < network->groups; g++) read += network->group[g].size;
    const at n = network->floating;
    const at numbers = chunk * (4 * n + network->held + read + entries) + 4 * n + network->plan.room;
    const at pointers = 2 * network->groups + network->blocks + 1;
    c->memory = malloc(numbers * sizeof(real) + pointers * sizeof(real *) + n * sizeof(at) + chunk * sizeof(struct course));
    if (!c->memory) return 0;
    c->inputs = c->memory;
    c->out = c->inputs + 2 * network->groups;
    c->course = (struct course *)(c->inputs + pointers);
    c->swaps = (at *)(c->course + chunk);
    real *next = (real *)(c->swaps + n);
    c->u = next, next += chunk * n;
    c->best = next, next += chunk * n;
    c->into = c->out[0] = next, next += chunk * n;
    c->held = next, next += chunk * network->held;
    for (at g = 0; g < network->groups; g++) c->inputs[g] = next, next += chunk * network->group[g].size;
    for (at g = 0; g < network->groups; g++) {
        real **second = c->inputs + network->groups + g;
        *second = c->inputs[g];
        if (!network->group[g].held) *second = next, next += chunk * network->group[g].size;
    }
    for (at k = 0; k < network->blocks; k++) c->out[k + 1] = next, next += chunk * network->block[k].size;
    c->x = next, next += n;
    c->right = next, next += n;
    c->error = next, next += n;
    c->sizes = next, next += n;
    c->work = next;
    return 1;
}

/* What the devices at a group of reservoirs read: the potential of charge, the concentration of molecules. */
static void read_group(const struct group *group, const real *vector, at width, at count, real *restrict to)
{
    const real limit = largest_exponent;
    for (at b = 0; b < count; b++) {
        const real *from = vector + b * width + group->start;
        if (group->molecular) {
#pragma omp simd
            for (at i = 0; i < group->size; i++) to[b * group->size + i] = exp_(from[i]);
        } else {
            memcpy(to + b * group->size, from, group->size * sizeof(real));
        }
    }
}

static void read_held(const struct network *network, struct chunk *c, at count)
{
    for (at g = 0; g < network->groups; g++)
        if (network->group[g].held) read_group(network->group + g, c->held, network->held, count, c->inputs[g]);
}

static void read_floating(const struct network *network, const real *u, at count, real *const *inputs)
{
    for (at g = 0; g < network->groups; g++)
        if (!network->group[g].held) read_group(network->group + g, u, network->floating, count, inputs[g]);
}

static void run(const struct call *call, at count, real *const *inputs, real *const *out)
{
    const real *in[call->ins];
    real *to[call->outs];
    for (at k = 0; k < call->ins; k++) in[k] = inputs[call->in[k]];
    for (at k = 0; k < call->outs; k++) to[k] = out[call->out[k]];
    call->run(0, count, in, call->fixed, call->strides, call->index, to);
}

/* Currents and Jacobian at the states of the first `count` samples. */
static void linearise(const struct network *network, struct chunk *c, at count, const real *injected)
{
    const at n = network->floating;
    read_floating(network, c->u, count, c->inputs);
    memset(c->into, 0, count * n * sizeof(real));
    for (at k = 0; k < network->blocks; k++) memset(c->out[k + 1], 0, count * network->block[k].size * sizeof(real));
    for (at f = 0; f < network->linearise; f++) run(network->linearises + f, count, c->inputs, c->out);
    if (injected)
        for (at b = 0; b < count; b++)
            for (at i = 0; i < n; i++) c->into[b * n + i] += injected[c->course[b].sample * n + i];
}

/* The step, each reservoir's cut: one with a long way to go does not hold up all others. */
static void approach(const struct network *network, struct chunk *c, at b, real longest)
{
    const at n = network->floating;
    real *restrict u = c->u + b * n;
    const real *restrict x = c->x;
#pragma omp simd
    for (at i = 0; i < n; i++) u[i] += x[i] > longest ? longest : x[i] < -longest ? -longest : x[i];
}

/* The step, shortened as a whole. */
static void move_on(const struct network *network, struct chunk *c, at b, real longest)
{
    const at n = network->floating;
    const real size = size_of(c->x, n);
    if (!isfinite(size)) return;
    const real factor = size > longest ? longest / size : 1;
    for (at i = 0; i < n; i++) c->u[b * n + i] += factor * c->x[i];
}

/* Keep the state of sample b with all that is known there. */
static void keep(const struct network *network, const struct chunk *c, at b, const struct found *found)
{
    const at n = network->floating, sample = c->course[b].sample;
    found->status[sample] = FOUND;
    memcpy(found->step + sample * n, c->x, n * sizeof(real));
    memcpy(found->u + sample * n, c->u + b * n, n * sizeof(real));
    memcpy(found->currents + sample * n, c->into + b * n, n * sizeof(real));
    for (at k = 0; k < network->blocks; k++) {
        const at entries = network->block[k].size;
        memcpy(found->blocks[k] + sample * entries, c->out[k + 1] + b * entries, entries * sizeof(real));
    }
}

/* One step of sample b, whose currents and Jacobian are known; whether it goes on. */
static int advance(const struct network *network, const struct settings *settings, struct chunk *c, at b,
                   const struct found *found)
{
    struct course *course = c->course + b;
    const at n = network->floating, sample = course->sample;
    const real *into = c->into + b * n;
    real *u = c->u + b * n, *right = c->right;
#pragma omp simd
    for (at i = 0; i < n; i++) right[i] = -into[i];
    if (course->phase == APPROACH) {
        memcpy(c->x, c->right, n * sizeof(real));
        const int regular = eliminate(network, &network->plan, c->out + 1, b, c->work, c->swaps, c->x);
        const real size = regular ? size_of(c->x, n) : INFINITY;
        found->iterations[sample]++;
        course->count++;
        course->patience -= size > course->before / 2;
        course->before = size;
        if (size <= settings->still && exact_enough(network, network->plan.transposed, c->out + 1, b, c->x, c->right, settings,
                                                    c->error, c->sizes)) { /* nothing is left to polish */
            keep(network, c, b, found);
            return 0;
        }
        if (size < settings->arrived) {
            approach(network, c, b, settings->longest);
            *course = (struct course){POLISH, sample, 2, 0, INFINITY, INFINITY};
            memcpy(c->best + b * n, u, n * sizeof(real));
            return 1;
        }
        if (!isfinite(size) || course->patience <= 0 || course->count >= settings->iterations) return 0;
        approach(network, c, b, settings->longest);
        return 1;
    }
    if (!solve(network, &network->plan, c->out + 1, b, c->right, settings, c->work, c->swaps, c->x, c->error, c->sizes))
        return 0;
    const real size = size_of(c->x, n);
    int here = course->phase == RETURN;
    if (!here) {
        found->iterations[sample]++;
        course->count++;
        course->patience -= size > course->before / 2;
        course->before = size;
        if (size < course->best || !isfinite(course->best)) {
            here = 1;
            course->best = size;
            memcpy(c->best + b * n, u, n * sizeof(real));
        }
        if (size > settings->still && isfinite(size) && course->patience > 0 && course->count < settings->polishing) {
            move_on(network, c, b, settings->longest);
            return 1;
        }
        if (!here) { /* the best state is behind: its Jacobian is wanted */
            memcpy(u, c->best + b * n, n * sizeof(real));
            course->phase = RETURN;
            return 1;
        }
    }
    keep(network, c, b, found);
    return 0;
}

/* The gross flux through the reservoirs of all samples from `first` on, at their states. */
static void weigh(const struct network *network, struct chunk *c, at first, at count, const real *held, const real *injected,
                  const struct found *found)
{
    const at n = network->floating;
    memcpy(c->u, found->u + first * n, count * n * sizeof(real));
    memcpy(c->held, held + first * network->held, count * network->held * sizeof(real));
    read_floating(network, c->u, count, c->inputs);
    read_held(network, c, count);
    memset(c->into, 0, count * n * sizeof(real));
    for (at f = 0; f < network->gross; f++) run(network->grosses + f, count, c->inputs, c->out);
    for (at k = 0; k < count * n; k++)
        found->gross[first * n + k] = c->into[k] + (injected ? fabs(injected[first * n + k]) : 0);
}

/* How states respond to a current of the size of the gross flux out of every reservoir: -J^-1 gross, NaN where unknown. */
static void respond(const struct network *network, const struct settings *settings, struct chunk *c, at first, at count,
                    const struct found *found)
{
    const at n = network->floating;
    for (at b = first; b < first + count; b++) {
        if (found->status[b] != FOUND) continue;
        for (at i = 0; i < n; i++) c->right[i] = -found->gross[b * n + i];
        real *x = found->response + b * n;
        if (!solve(network, &network->plan, found->blocks, b, c->right, settings, c->work, c->swaps, x, c->error, c->sizes))
            for (at i = 0; i < n; i++) x[i] = NAN;
    }
}

/* The corners of a box around answer and start, along the response; whether the response is positive everywhere. */
static int corners(at n, const real *u, const real *start, const real *response, real margin, real *low, real *high)
{
    real most = 0, down, up;
    for (at i = 0; i < n; i++) {
        if (!(response[i] > 0)) return 0;
        most = fmax(most, response[i]);
    }
    down = up = margin / most;
    for (at i = 0; i < n; i++) {
        const real away = (start[i] - u[i]) / response[i];
        down = fmax(down, -away);
        up = fmax(up, away);
    }
    for (at i = 0; i < n; i++) {
        low[i] = u[i] - down * response[i];
        high[i] = u[i] + up * response[i];
    }
    return 1;
}

/* Strike out the samples into one of whose reservoirs the current has not this sign. */
static void flowing(const struct network *network, struct chunk *c, at first, at count, real *const *inputs, int sign,
                    const real *injected, at *proved)
{
    const at n = network->floating;
    memset(c->into, 0, count * n * sizeof(real));
    for (at f = 0; f < network->currents; f++) run(network->current + f, count, inputs, c->out);
    for (at b = 0; b < count; b++)
        for (at i = 0; i < n; i++)
            proved[b] &= sign * (c->into[b * n + i] + (injected ? injected[(first + b) * n + i] : 0)) > 0;
}

/* Which samples a box proves to relax from the start to the answer, as in crncompile/solve/region.py. */
static void confine(const struct network *network, const struct settings *settings, struct chunk *c, at first, at count,
                    const real *start, const real *injected, const struct found *found)
{
    const at n = network->floating;
    real *low = c->u, *high = c->best, *const *above = c->inputs + network->groups;
    at *proved = found->confined + first, any = 0;
    for (at b = 0; b < count; b++) {
        const at k = (first + b) * n;
        proved[b] = found->status[first + b] == FOUND && corners(n, found->u + k, start + k, found->response + k,
                                                                settings->margin, low + b * n, high + b * n);
        if (!proved[b])
            for (at i = 0; i < n; i++) low[b * n + i] = high[b * n + i] = found->u[k + i];
        any |= proved[b];
    }
    if (!any) return;
    read_floating(network, low, count, c->inputs);
    read_floating(network, high, count, above);
    flowing(network, c, first, count, c->inputs, 1, injected, proved);
    flowing(network, c, first, count, above, -1, injected, proved);
    memset(c->into, 0, count * sizeof(real)); /* counts devices that are not proved to be free of NDC */
    for (at f = 0; f < network->margins; f++) run(network->margin + f, count, c->inputs, c->out);
    for (at b = 0; b < count; b++) proved[b] &= c->into[b] == 0;
}

static void exchange(const struct network *network, struct chunk *c, at b, at last)
{
    const at n = network->floating;
    memcpy(c->u + b * n, c->u + last * n, n * sizeof(real));
    memcpy(c->best + b * n, c->best + last * n, n * sizeof(real));
    for (at g = 0; g < network->groups; g++) {
        const at size = network->group[g].size;
        if (network->group[g].held) memcpy(c->inputs[g] + b * size, c->inputs[g] + last * size, size * sizeof(real));
    }
    c->course[b] = c->course[last];
}

/*
 * From the states `found->u` of samples `first` to `last`: approach by Newton's method (Deuflhard 2004, 3.1), unless
 * `settings->iterations` is 0, and polish. What is found is written to `found`; the states of other samples stay. `start`
 * are the same states once more, which stay.
 * Returns 0, or 1 where memory is missing.
 */
int newton(at first, at last, const struct network *network, const struct settings *settings, const real *held,
           const real *injected, const real *start, const struct found *found)
{
    struct chunk c;
    const at n = network->floating;
    if (!allocate(network, settings->chunk, &c)) return 1;
    for (at from = first; from < last; from += settings->chunk) {
        const at whole = last - from < settings->chunk ? last - from : settings->chunk;
        at count = whole;
        memcpy(c.u, found->u + from * n, count * n * sizeof(real));
        memcpy(c.best, c.u, count * n * sizeof(real));
        memcpy(c.held, held + from * network->held, count * network->held * sizeof(real));
        const enum phase phase = settings->iterations ? APPROACH : POLISH;
        for (at b = 0; b < count; b++)
            c.course[b] = (struct course){phase, from + b, settings->iterations ? settings->patience : 2, 0, INFINITY,
                                          INFINITY};
        read_held(network, &c, count);
        while (count) {
            linearise(network, &c, count, injected);
            at kept = 0;
            for (at b = 0; b < count; b++)
                if (advance(network, settings, &c, b, found)) {
                    if (kept < b) exchange(network, &c, kept, b);
                    kept++;
                }
            count = kept;
        }
        weigh(network, &c, from, whole, held, injected, found);
        if (found->response) respond(network, settings, &c, from, whole, found);
        if (found->confined) confine(network, settings, &c, from, whole, start, injected, found);
    }
    free(c.memory);
    return 0;
}

/* Solve J x = right, or with the transpose of J, for samples `first` to `last`; `status` tells whose x is exact enough. */
int solve_blocks(at first, at last, const struct network *network, const struct plan *plan, const struct settings *settings,
                 real *const *blocks, const real *right, real *x, at *status)
{
    const at n = network->floating;
    at *swaps = malloc((n + 1) * sizeof(at) + (plan->room + 2 * n) * sizeof(real));
    if (!swaps) return 1;
    real *work = (real *)(swaps + n + 1), *error = work + plan->room, *sizes = error + n;
    for (at b = first; b < last; b++)
        status[b] = solve(network, plan, blocks, b, right + b * n, settings, work, swaps, x + b * n, error, sizes);
    free(swaps);
    return 0;
}

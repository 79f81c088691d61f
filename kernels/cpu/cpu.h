/* cpu.h - the CPU's operations, declared from ops.def, and how they cut their work. On the CPU an address of a tensor
 * is a pointer; only this folder makes the one from the other. */
#ifndef CPU_H
#define CPU_H

#include <stdint.h>

#include "gemm.h"
#include "loops.h"
#include "num.h"
#include "op.h"

extern const struct backend backend_cpu;

#define OP(name, params, args) void cpu_##name params;
#include "ops.def"
#undef OP
size_t cpu_packed_bytes(enum dtype dtype, int64_t N, int64_t K);
int cpu_reserve(struct device_address *at, size_t bytes, struct fmt_error *e);
void cpu_release(struct device_address at, size_t bytes);
void cpu_set_usable(struct device_address at, size_t bytes, bool usable);
void cpu_copy_in(struct op_ctx *c, struct device_address to, const void *host, size_t bytes);
void cpu_copy_out(struct op_ctx *c, void *host, struct device_address from, size_t bytes);

/* A tensor's elements; NULL while planning and of TENSOR_NONE. */
static inline void *cpu_data(struct tensor t) { return (void *)t.data.at; } /* of any type */
static inline float *cpu_f32(struct tensor t) { return (float *)t.data.at; }
static inline double *cpu_f64(struct tensor t) { return (double *)t.data.at; }
static inline int64_t *cpu_i64(struct tensor t) { return (int64_t *)t.data.at; }
static inline int8_t *cpu_i8(struct tensor t) { return (int8_t *)t.data.at; }
static inline uint8_t *cpu_u8(struct tensor t) { return (uint8_t *)t.data.at; }
static inline uint16_t *cpu_bf16(struct tensor t) { return (uint16_t *)t.data.at; }

enum { CPU_LINE = 64 }; /* bytes of a cache line, to which scratch is aligned */

/* n elements of an operation's scratch, as a pointer: float *x = CPU_TAKE(c, float, n); */
#define CPU_TAKE(c, type, n) ((type *)cpu_take((c), (n), sizeof(type)))
void *cpu_take(struct op_ctx *c, int64_t n, size_t bytes_each);
/* So many bytes, or a few more: whole cache lines. */
static inline int64_t cpu_lines(size_t bytes) { return num_ceil_div((int64_t)bytes, CPU_LINE) * CPU_LINE; }

/* Rows are cut into tiles of equal height near `height` (the last may be lower): by the number of rows alone. */
struct tiling {
    int64_t n, height, rows;
};
static inline struct tiling tiling_of(int64_t rows, int64_t height)
{
    int64_t n = num_max(1, (rows + height / 2) / height);
    int64_t h = num_max(1, num_ceil_div(rows, n));
    return (struct tiling){num_ceil_div(rows, h), h, rows};
}
/* Tiles of equal height, a multiple of `step`, at most `most` rows, which is such a multiple, too. */
static inline struct tiling tiling_within(int64_t rows, int64_t most, int64_t step)
{
    int64_t n = num_max(1, num_ceil_div(rows, most));
    int64_t h = num_max(1, num_ceil_div(num_ceil_div(rows, n), step)) * step;
    return (struct tiling){num_ceil_div(rows, h), h, rows};
}
static inline int64_t tile_first(struct tiling t, int64_t i) { return i * t.height; }
static inline int64_t tile_rows(struct tiling t, int64_t i) { return num_min(t.height, t.rows - i * t.height); }

/* What one item of work is. Elementwise operations: so many elements, 64 KiB of f32, few enough for a cache and
 * enough to outweigh the cost of handing out an item. Row operations: blocks of so many rows. Sums over
 * rows: a partial sum for so many rows, so that the partial sums themselves are little to add. */
enum { CPU_STRETCH = 16384, CPU_ROWS = 32, CPU_SUM_ROWS = 128 };

/* Sums over rows with a fixed order: n partial sums [n,C], one per tile of rows, then added in order: y [C] += */
void cpu_add_partials(struct op_ctx *c, float *y, const float *partials, int64_t n, int64_t C);

#endif

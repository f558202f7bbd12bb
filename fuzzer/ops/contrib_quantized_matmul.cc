// Products with quantized operands whose result is not (domain com.microsoft).
#include "fuzzer/ops/contrib.h"

namespace mob::ops {
namespace {

struct Quantized {
  const Expected *values, *scale, *zero;  // zero: null where it is 0
};

// Scalars, or vectors of one per column: a fusion that hands over anything else is wrong, whatever a kernel
// makes of it.
void check_parameter(const Expected* x, std::int64_t columns) {
  if (x == nullptr || x->type.dims.empty()) return;
  if (x->type.dims.size() > 1 || (x->count() != 1 && x->type.dims[0] != columns))
    throw InvalidNode("a scale, zero point or bias is neither a scalar nor one per column");
}

// (A - a_zero) (B - b_zero) a_scale b_scale + bias; B's scale may be one per column.
Expected scaled_product(const Inference& inf, const Quantized& a, const Quantized& b, const Expected* bias) {
  const std::int64_t columns = b.values->type.dims.empty() ? 1 : b.values->type.dims.back();
  for (const Expected* x : {b.scale, b.zero, bias}) check_parameter(x, columns);
  for (const Expected* x : {a.scale, a.zero}) check_parameter(x, 1);
  const Expected sum = apply(inf, "MatMulInteger", {}, {a.values, b.values, a.zero, b.zero});
  const Expected real = apply(inf, "Cast", {{"to", static_cast<std::int64_t>(a.scale->type.dtype)}}, {&sum});
  const Expected scale = apply(inf, "Mul", {}, {a.scale, b.scale});
  Expected y = apply(inf, "Mul", {}, {&real, &scale});
  if (y.type.dims != sum.type.dims) throw InvalidNode("a scale does not fit the product");
  return bias == nullptr ? y : apply(inf, "Add", {}, {&y, bias});
}

// A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias
Expected matmul_integer_to_float(const Inference& inf) {
  return scaled_product(inf, {&inf.input(0), &inf.input(2), optional_input(inf, 4)},
                        {&inf.input(1), &inf.input(3), optional_input(inf, 5)}, optional_input(inf, 6));
}

// A, B, b_scale, b_zero_point, bias: A is quantized by DynamicQuantizeLinear.
Expected dynamic_quantize_matmul(const Inference& inf) {
  const std::vector<Expected> a = apply_all(inf, "DynamicQuantizeLinear", {}, {&inf.input(0)}, 3);
  return scaled_product(inf, {&a[0], &a[1], &a[2]}, {&inf.input(1), &inf.input(2), optional_input(inf, 3)},
                        optional_input(inf, 4));
}

// --- MatMulNBits -----------------------------------------------------------------------------------------
// A [..., K], B [N, blocks, bytes], scales [N, blocks], zero_points, g_idx, bias: A times the transposed of
// B, whose rows are cut into blocks of one scale and zero point each. Numbers of less than 8 bits are packed,
// the lowest bits first; so are zero points, row by row, unless they have the type of A.

struct Blocks {
  std::int64_t k, n, bits, size;
  std::int64_t count() const { return (k + size - 1) / size; }  // in a row
};

Blocks blocks_of(const Inference& inf) {
  const Node& node = inf.node();
  const Blocks b{node.int_or("K", 0), node.int_or("N", 0), node.int_or("bits", 4),
                 node.int_or("block_size", 0)};
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  if (b.k < 1 || b.k > kMost || b.n < 1 || b.n > kMost || b.size < 16 || b.size > 4096 ||
      (b.bits != 2 && b.bits != 4 && b.bits != 8))
    throw Unsupported("MatMulNBits of such sizes");
  if (inf.has_input(4)) throw Unsupported("MatMulNBits with g_idx");
  if (!inf.input(1).holds_ints() || !inf.input(2).holds_reals())
    throw InvalidNode("B or the scales are of another type");
  if (inf.rank(0) < 1 || inf.dims(0).back() != b.k) throw InvalidNode("A does not have K columns");
  if (inf.type(1).count() != b.n * b.count() * (b.size * b.bits / 8))
    throw InvalidNode("B does not have the size that its blocks say");
  if (inf.type(2).count() != b.n * b.count()) throw InvalidNode("there is not a scale for each block");
  return b;
}

// Number `i` of those packed into the bytes from `at` on.
std::int64_t unpacked(const std::vector<std::int64_t>& bytes, std::int64_t at, std::int64_t i,
                      std::int64_t bits) {
  const std::int64_t in_byte = 8 / bits;
  const std::int64_t byte = bytes[static_cast<std::size_t>(at + i / in_byte)];
  return byte >> (i % in_byte * bits) & ((1 << bits) - 1);
}

// The zero point of each block, as a real number.
std::vector<double> zero_points(const Inference& inf, const Blocks& b) {
  std::vector<double> zeros(static_cast<std::size_t>(b.n * b.count()),
                            static_cast<double>(1 << (b.bits - 1)));
  if (!inf.has_input(3)) return zeros;
  const Expected& given = inf.input(3);
  const std::int64_t row = (b.count() * b.bits + 7) / 8;
  const bool packed = given.type.dtype == DType::kUint8;
  if (!packed && !given.holds_reals()) throw InvalidNode("the zero points are of another type");
  if (given.type.count() != (packed ? b.n * row : b.n * b.count()))
    throw InvalidNode("there is not a zero point for each block");
  const auto bytes = packed ? inf.ints(3) : std::vector<std::int64_t>();
  for (std::int64_t i = 0; i < b.n * b.count(); ++i)
    zeros[static_cast<std::size_t>(i)] =
        packed ? static_cast<double>(unpacked(bytes, i / b.count() * row, i % b.count(), b.bits))
               : given.value_at(static_cast<std::size_t>(i));
  return zeros;
}

// B as [K, N].
Expected weights(const Inference& inf, const Blocks& b) {
  const std::vector<std::int64_t> bytes = inf.ints(1);
  const Expected& scales = inf.input(2);
  const std::vector<double> zeros = zero_points(inf, b);
  Expected w({scales.type.dtype, {b.k, b.n}});
  const Rounding<double> rounding(scales.type.dtype);
  for (std::int64_t n = 0; n < b.n; ++n)
    for (std::int64_t k = 0; k < b.k; ++k) {
      const std::int64_t block = n * b.count() + k / b.size;
      const auto at = static_cast<std::size_t>(block);
      const auto q = static_cast<double>(unpacked(bytes, block * (b.size * b.bits / 8), k % b.size, b.bits));
      const Approx<double> x =
          Approx<double>{q - zeros[at]} * Approx<double>{scales.value_at(at), scales.bound_at(at)};
      set_real(w, static_cast<std::size_t>(k * b.n + n), rounding.add(x, 2));
    }
  return w;
}

// Where `accuracy_level` allows for it, a kernel rounds A to 8 bits: 127 steps for the largest number of a
// block or of a row.
Expected rounded_activations(const Inference& inf, const Blocks& b) {
  Expected a = inf.input(0);
  if (inf.node().int_or("accuracy_level", 0) != 4 || !std::holds_alternative<Reals<double>>(a.data)) return a;
  auto& x = std::get<Reals<double>>(a.data);
  const auto row = static_cast<std::size_t>(b.k);
  for (std::size_t from = 0; from < x.v.size(); from += row) {
    double most = 0;
    for (std::size_t i = from; i < from + row; ++i) most = std::max(most, std::fabs(x.v[i]) + x.e[i]);
    for (std::size_t i = from; i < from + row; ++i) x.e[i] += most / 127 * 0.51;
  }
  return a;
}

Expected matmul_nbits(const Inference& inf) {
  const Blocks b = blocks_of(inf);
  const Expected a = rounded_activations(inf, b), w = weights(inf, b);
  const Expected y = apply(inf, "MatMul", {}, {&a, &w});
  if (!inf.has_input(5)) return y;
  if (inf.dims(5) != Dims{b.n}) throw InvalidNode("the bias does not have N elements");
  const Expected bias = widened(inf.input(5), b.k);  // it may be what the sums start from
  return apply(inf, "Add", {}, {&y, &bias});
}

constexpr OpSpec specs[] = {
    composed<matmul_integer_to_float>("MatMulIntegerToFloat"),
    composed<dynamic_quantize_matmul>("DynamicQuantizeMatMul"),
    composed<matmul_nbits>("MatMulNBits"),
};

}  // namespace

namespace family {
extern constinit const Family contrib_quantized_matmul = specs;
}

}  // namespace mob::ops

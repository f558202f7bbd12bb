// A matrix product and a sum: what becomes one Gemm.
#include <algorithm>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"bias-of-columns", "the addend is a vector of one number per column"},
    {"left-matrix", "the left factor is a matrix"},
    {"right-matrix", "the right factor is a matrix"},
    {"not-empty", "no dimension is 0"},
    {"sizes-many", "no dimension is 1"},
    {"addend-other", "what is added is another tensor than product and factors"},
    {"one-sum", "one sum reads the product"},
};

void matmul_add(MotifBuilder& m) {
  const DType t =
      m.dtype({DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64, DType::kUint32, DType::kUint64},
              "MatMul");
  const Dims mkn = m.draw_dims(3, 2);
  std::int64_t rows = mkn[0], inner = mkn[1], columns = mkn[2];
  if (m.breaks("sizes-many")) *m.rng().pick({&rows, &inner, &columns}) = 1;
  Dims left = {rows, inner}, right = {inner, columns};
  if (m.breaks("left-matrix")) {
    switch (m.rng().below(4)) {
      case 0:
        left = {inner};
        break;
      case 1:
        left.insert(left.begin(), {m.size(), m.size()});
        break;
      default:
        left.insert(left.begin(), m.size());
        break;
    }
  } else if (m.rng().chance(0.15)) {
    left.insert(left.begin(), m.size(2));  // newer versions take that, too
  }
  if (m.breaks("right-matrix")) {
    if (m.rng().chance(0.4))
      right = {inner};
    else
      right.insert(right.begin(), left.size() > 2 ? left[left.size() - 3] : m.size());
  }
  if (m.breaks("not-empty")) {
    // Batch, rows, inner size or columns.
    const std::size_t which = m.rng().below(left.size() + 1);
    if (which == left.size())
      right.back() = 0;
    else
      left[which] = 0;
    right[right.size() < 2 ? 0 : right.size() - 2] = left.back();
  }
  const ValueRange range{.low = -2, .high = 2, .integral = !is_float(t)};
  const ValueId a = m.data(t, left, range);
  const ValueId b = m.rng().chance(0.6) ? m.weight(t, right, range) : m.data(t, right, range);
  const ValueId product = m.op("MatMul", {a, b});
  const Dims& out = m.dims(product);
  ValueId addend;
  if (m.breaks("addend-other")) {
    addend = m.rng().pick({a, b, product});
  } else {
    Dims bias = {out.empty() ? 1 : out.back()};
    if (m.breaks("bias-of-columns")) {
      const std::int64_t last = bias[0], before = out.size() > 1 ? out[out.size() - 2] : 1;
      switch (m.rng().below(8)) {
        case 0:
          bias = {};
          break;
        case 1:
          bias = {1};
          break;
        case 2:
          bias = {1, last};
          break;
        case 3:
          bias = {before, 1};
          break;
        case 4:
          bias = {before, last};
          break;
        case 5:
          bias = {1, 1, last};
          break;
        case 6:
          bias = {2, before, last};
          break;  // widens the product
        default:
          bias = {1, 1};
          break;
      }
    }
    addend = m.rng().chance(0.8) ? m.weight(t, bias, range) : m.data(t, bias, range);
  }
  m.result(m.commutative("Add", product, addend));
  if (m.breaks("one-sum")) m.result(m.commutative("Add", product, m.weight(t, {}, range)));
}

constexpr Motif motifs[] = {
    {.name = "matmul-add", .aims_at = "MatMulAddFusion", .guards = kGuards, .build = matmul_add},
};

}  // namespace

namespace family {
extern const MotifFamily matmul_add;
const MotifFamily matmul_add = motifs;
}  // namespace family

}  // namespace mob::motifs

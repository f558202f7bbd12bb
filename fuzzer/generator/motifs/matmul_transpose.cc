// Matrix products of transposed factors.
#include <algorithm>
#include <array>
#include <numeric>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"swaps-last-two", "the transposition swaps the last two axes"},
    {"perm-given", "the permutation is written down"},
    {"two-factors", "the factors are two tensors"},
    {"factors-matrices", "no factor is a vector"},
    {"no-cast", "nothing is cast between the transposition and the product"},
    {"sizes-many", "no dimension is 1"},
    {"once", "a factor is transposed once"},
};

void matmul_transpose(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64}, "MatMul");
  const std::int64_t rank = m.rng().weighted(std::array{0.0, 0.0, 5.0, 4.0, 2.0});
  const auto r = static_cast<std::size_t>(rank);
  // Shapes of both factors as the product reads them.
  Dims left = m.draw_dims(rank, 2), right = left;
  if (m.breaks("sizes-many")) m.rng().chance(0.5) ? left[m.rng().below(r)] = 1 : right[r - 1] = 1;
  right[r - 1] = m.rng().chance(0.3) ? left[r - 1] : m.size(2);
  right[r - 2] = left[r - 1];
  for (std::size_t i = 0; i + 2 < r; ++i) right[i] = left[i];
  const bool vector = m.breaks("factors-matrices");
  const bool both = m.rng().chance(0.3), first = m.rng().chance(0.5);
  const ValueRange range{.low = -2, .high = 2, .integral = !is_float(t)};
  // A factor of the wanted shape, that comes out of a transposition.
  const auto transposed = [&](const Dims& dims) {
    std::vector<std::int64_t> perm(dims.size());
    std::iota(perm.begin(), perm.end(), 0);
    if (m.holds("swaps-last-two")) {
      // Newer versions also take the batch axes rotated between.
      if (perm.size() > 2 && m.rng().chance(0.1))
        std::rotate(perm.begin(), perm.begin() + 1, m.rng().chance(0.5) ? perm.end() : perm.end() - 1);
      else
        std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    } else {
      for (std::size_t i = perm.size() - 1; i > 0; --i) std::swap(perm[i], perm[m.rng().below(i + 1)]);
    }
    Dims from(dims.size());
    for (std::size_t i = 0; i < perm.size(); ++i) from[static_cast<std::size_t>(perm[i])] = dims[i];
    std::vector<Attribute> attributes = {{.name = "perm", .value = perm}};
    if (m.breaks("perm-given")) {
      attributes.clear();
      from.assign(dims.rbegin(), dims.rend());
    }
    const bool cast = m.breaks("no-cast");
    const DType other =
        t == DType::kFloat ? m.rng().pick({DType::kDouble, DType::kFloat16, DType::kInt32}) : DType::kFloat;
    const bool before = m.rng().chance(0.5);
    ValueId x = m.data(cast ? other : t, from, range);
    if (cast && before) x = m.cast(x, t);
    if (m.breaks("once")) {
      std::vector<std::int64_t> swap(from.size());
      std::iota(swap.begin(), swap.end(), 0);
      std::swap(swap[swap.size() - 1], swap[swap.size() - 2]);
      x = m.transpose(m.transpose(x, swap), swap);
    }
    x = m.op("Transpose", {x}, attributes);
    if (cast && !before) x = m.cast(x, t);
    return x;
  };
  ValueId a, b;
  if (m.breaks("two-factors")) {
    // x' x or x x'
    right = left;
    std::swap(right[r - 1], right[r - 2]);
    b = transposed(right);
    const auto& node = m.builder().graph().nodes.back();
    a = node.op_type == "Transpose" && m.dims(node.inputs[0]) == left ? node.inputs[0]
                                                                      : m.data(t, left, range);
    if (left[r - 1] == left[r - 2] && m.rng().chance(0.3)) a = b;
    if (m.rng().chance(0.5)) std::swap(a, b);
  } else {
    a = both || first ? transposed(left) : m.data(t, left, range);
    if (vector && first) {
      b = m.data(t, {left[r - 1]}, range);
    } else if (vector) {
      a = m.data(t, {right[r - 2]}, range);
      b = transposed(right);
    } else {
      // Batches of the other factor may broadcast.
      if (rank > 2 && !both && m.rng().chance(0.15)) right.erase(right.begin());
      b = both || !first ? transposed(right) : m.data(t, right, range);
    }
  }
  m.result(m.op("MatMul", {a, b}));
}

constexpr Motif motifs[] = {
    {.name = "matmul-transpose",
     .aims_at = "MatmulTransposeFusion",
     .guards = kGuards,
     .build = matmul_transpose},
};

}  // namespace

namespace family {
extern const MotifFamily matmul_transpose;
const MotifFamily matmul_transpose = motifs;
}  // namespace family

}  // namespace mob::motifs

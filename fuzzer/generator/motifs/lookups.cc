// Lookups spelled out as products, and lookups in a row.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kOneHotGuards[] = {
    {"on-off", "the values are 1 and 0"},
    {"axis-last", "the new axis is the last one"},
    {"rows-fit", "there are as many columns as the table has rows"},
    {"in-range", "no index lies outside"},
    {"table-second", "the table is the second operand"},
};

// MatMul(OneHot(i), table) is Gather(table, i)
void one_hot(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble}, "MatMul");
  const std::int64_t rows = rng.range(2, 5), columns = rng.range(1, 4);
  const bool in_range = m.holds("in-range");
  const ValueRange range = {.low = in_range ? 0.0 : -1.0,
                            .high = static_cast<double>(in_range ? rows - 1 : rows + 1),
                            .integral = true};
  const ValueId i = m.data(DType::kInt64, m.draw_dims(rng.range(1, 2)), range);
  const std::int64_t depth = m.holds("rows-fit") ? rows : rows + 1;
  std::vector<double> values = {0, 1};
  if (m.breaks("on-off")) values = rng.pick<std::vector<double>>({{1, 0}, {0, 2}, {-1, 1}, {0.5, 1}});
  const std::int64_t axis = m.holds("axis-last") ? -1 : 0;
  ValueId y = m.op(
      "OneHot",
      {i, m.constant(Tensor::of_ints(DType::kInt64, {}, {depth})), m.constant(Tensor::of(t, {2}, values))},
      {{.name = "axis", .value = axis}});
  const bool second = m.holds("table-second");
  const Dims& d = m.dims(y);
  const Dims table = second ? Dims{d.back(), columns} : Dims{columns, d[d.size() - 2]};
  y = second ? m.op("MatMul", {y, m.weight(t, table)}) : m.op("MatMul", {m.weight(t, table), y});
  finish_with(m, y, 0.4);
}

constexpr Guard kRowGuards[] = {
    {"same-axis", "both look up along one axis"},
    {"indices-constant", "the indices are constant"},
    {"indices-of-rank", "the indices have rank 1"},
    {"from-the-start", "no index counts from the end"},
};

// Gather(Gather(x, i), j); GatherElements and GatherND that are one
void lookups(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kInt32, DType::kInt64, DType::kBool}, "Gather");
  const Dims dims = m.draw_dims(rng.range(2, 3), 2);
  const auto rank = static_cast<std::int64_t>(dims.size());
  ValueId y = m.data(t, dims);
  const std::int64_t axis = rng.range(0, rank - 1), other = m.holds("same-axis") ? axis : (axis + 1) % rank;
  const bool constant = m.holds("indices-constant"), vector = m.holds("indices-of-rank"),
             front = m.holds("from-the-start");
  const auto indices = [&](std::int64_t n) {
    const Dims d = vector ? Dims{rng.range(1, 3)} : rng.pick({Dims{}, Dims{1, 2}, Dims{2, 2}});
    std::vector<std::int64_t> i(static_cast<std::size_t>(element_count(d)));
    for (auto& v : i) v = front ? rng.range(0, n - 1) : rng.range(-n, -1);
    const Tensor tensor = Tensor::of_ints(DType::kInt64, d, i);
    return constant ? m.constant(tensor) : m.builder().leaf(tensor, Constness::kInput);
  };
  const auto look = [&](ValueId v, std::int64_t a) {
    const auto r = static_cast<std::int64_t>(m.dims(v).size());
    if (a >= r) throw CannotDraft{};
    return m.op("Gather", {v, indices(m.dims(v)[static_cast<std::size_t>(a)])},
                {{.name = "axis", .value = maybe_negative(m, a, r)}});
  };
  y = look(y, axis);
  if (rng.chance(0.2)) y = m.transpose(y, rng.permutation(m.dims(y).size()));
  finish_with(m, look(y, other), 0.4);
}

constexpr Motif motifs[] = {
    {.name = "one-hot-product", .aims_at = "", .guards = kOneHotGuards, .build = one_hot},
    {.name = "lookups-in-a-row", .aims_at = "", .guards = kRowGuards, .build = lookups},
};

}  // namespace

namespace family {
extern const MotifFamily lookups;
const MotifFamily lookups = motifs;
}  // namespace family

}  // namespace mob::motifs

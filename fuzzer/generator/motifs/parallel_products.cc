// Products that read one tensor, side by side: they can be calculated as one and split.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"same-input", "all products read one tensor"},
    {"same-operator", "all are the same operator"},
    {"shapes-alike", "the weights have one shape but for their columns"},
    {"attributes-alike", "attributes are the same"},
    {"all-biased", "all have a bias, or none"},
    {"weights-second", "the shared tensor is the first operand"},
};

// Conv, Gemm or MatMul of one x with several weights; joined behind, or each on its own
void products(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool conv = rng.chance(0.4), batched = !conv && rng.chance(0.3),
             gemm = !conv && !batched && rng.chance(0.5);
  const std::string_view op = conv ? "Conv" : gemm ? "Gemm" : "MatMul";
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, op);
  const ValueRange small = {.low = -1, .high = 1};
  const std::int64_t rows = rng.range(1, 4), k = rng.range(2, 4), batch = rng.range(1, 3);
  const Dims in = conv ? Dims{rng.range(1, 2), k, 5, 5} : batched ? Dims{batch, rows, k} : Dims{rows, k};
  const ValueId x = before(m, m.data(t, in, small), 0.4);
  const bool same = m.holds("same-input"), biased = rng.chance(0.5), all_biased = m.holds("all-biased");
  const bool shapes = m.holds("shapes-alike"), alike = m.holds("attributes-alike");
  const bool second = m.holds("weights-second");
  const std::size_t n = static_cast<std::size_t>(rng.range(2, 3)), odd = rng.below(n);
  const std::int64_t columns = rng.range(1, 4), kernel = rng.range(1, 3);
  const bool columns_alike = rng.chance(0.5);
  if ((!alike && !conv && !gemm) || (!second && conv)) throw CannotDraft{};
  if (!shapes && !conv && !gemm && !batched) throw CannotDraft{};
  const bool other_operator = m.breaks("same-operator");
  std::vector<ValueId> made;
  for (std::size_t i = 0; i < n; ++i) {
    const ValueId a = same || i != odd ? x : m.data(t, in, small);
    const std::int64_t c = columns_alike ? columns : rng.range(1, 4);
    const bool has_bias = all_biased ? biased : (i == odd) != biased;
    ValueId y = kNoValue;
    if (conv) {
      const std::int64_t side = shapes || i != odd ? kernel : 4 - kernel;
      std::vector<Attribute> attributes;
      const bool stride = !alike && i == odd;
      if (stride) attributes.push_back({.name = "strides", .value = std::vector<std::int64_t>{2, 2}});
      if (!stride && rng.chance(alike ? 0 : 0.5))
        attributes.push_back({.name = "pads", .value = std::vector<std::int64_t>{1, 0, 0, 1}});
      std::vector<ValueId> inputs = {a, m.weight(t, {c, k, side, side}, small)};
      if (has_bias) inputs.push_back(m.weight(t, {c}, small));
      y = m.op("Conv", inputs, attributes);
    } else {
      Dims w = batched && (shapes || i != odd) ? Dims{batch, k, c} : Dims{k, c};
      std::vector<Attribute> attributes;
      if (!second && i == odd) {
        // The shared tensor stands second.
        w = Dims{c, in[in.size() - 2]};
        if (batched) w.insert(w.begin(), batch);
        y = m.op("MatMul", {m.weight(t, w, small), a});
      } else if (gemm) {
        if (!alike && i == odd) attributes.push_back({.name = "alpha", .value = rng.pick({0.5F, -1.0F})});
        if (!shapes && i == odd) {
          w = {c, k};
          attributes.push_back({.name = "transB", .value = std::int64_t{1}});
        }
        std::vector<ValueId> inputs = {a, m.weight(t, w, small)};
        if (has_bias || m.opset() < 11) inputs.push_back(m.weight(t, {c}, small));
        y = m.op("Gemm", inputs, attributes);
      } else {
        y = m.op("MatMul", {a, m.weight(t, w, small)});
        if (has_bias) y = m.op("Add", {y, m.weight(t, {c}, small)});
      }
    }
    if (other_operator && i == odd) y = m.op(rng.pick({"Relu", "Neg"}), {y});
    made.push_back(y);
  }
  if (rng.chance(0.4)) try {
      return finish_with(
          m, m.op("Concat", made, {{.name = "axis", .value = conv ? std::int64_t{1} : std::int64_t{-1}}}),
          0.4);
    } catch (const CannotDraft&) {  // of different sizes
    }
  for (ValueId y : made) finish_with(m, y, 0.4);
}

constexpr Motif motifs[] = {
    {.name = "parallel-products", .aims_at = "", .guards = kGuards, .build = products},
};

}  // namespace

namespace family {
extern const MotifFamily parallel_products;
const MotifFamily parallel_products = motifs;
}  // namespace family

}  // namespace mob::motifs

// Two tables in a row, which can be looked up as one.
#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"defaults-given", "both tables say what becomes of what they do not hold"},
    {"lists", "keys and values are lists, not tensors"},
    {"no-floats", "neither keys nor values are floats"},
    {"direct", "no other node stands between"},
};

constexpr std::string_view kWords[] = {"a", "b", "ab", "", "A", "0", "_Unused"};

// Numbers 0 to 6, or the words for them.
struct Column {
  DType type;
  std::vector<std::int64_t> numbers;
};

void put(std::vector<Attribute>& attributes, const std::string& stem, const Column& c, bool list,
         bool tensor) {
  std::vector<std::string> words;
  std::vector<float> floats;
  for (std::int64_t n : c.numbers) {
    words.emplace_back(kWords[static_cast<std::size_t>(n)]);
    floats.push_back(static_cast<float>(n));
  }
  const std::string s = list ? "s" : "";
  if (tensor) {
    const Dims dims = {static_cast<std::int64_t>(c.numbers.size())};
    attributes.push_back(
        {.name = stem + "_tensor",
         .value = c.type == DType::kString
                      ? Tensor(dims, words)
                      : (is_float(c.type) ? Tensor::of(c.type, dims, {floats.begin(), floats.end()})
                                          : Tensor::of_ints(c.type, dims, c.numbers))});
  } else if (c.type == DType::kString) {
    if (list)
      attributes.push_back({.name = stem + "_strings", .value = words});
    else
      attributes.push_back({.name = stem + "_string", .value = words.front()});
  } else if (c.type == DType::kInt64) {
    if (list)
      attributes.push_back({.name = stem + "_int64s", .value = c.numbers});
    else
      attributes.push_back({.name = stem + "_int64", .value = c.numbers.front()});
  } else if (list) {
    attributes.push_back({.name = stem + "_floats", .value = floats});
  } else {
    attributes.push_back({.name = stem + "_float", .value = floats.front()});
  }
}

// y = LabelEncoder(LabelEncoder(x))
void two_tables(MotifBuilder& m) {
  Rng& rng = m.rng();
  constexpr DType kInt = DType::kInt64, kString = DType::kString, kFloat = DType::kFloat;
  DType types[3] = {rng.pick({kInt, kString}), rng.pick({kInt, kString}), rng.pick({kInt, kString})};
  if (m.breaks("no-floats")) types[rng.below(3)] = kFloat;
  const bool defaults = m.holds("defaults-given"), tensors = m.breaks("lists");
  const auto without = rng.below(3);  // the first, the second, both
  const Dims dims = m.draw_dims(rng.range(1, 3));
  ValueId x = kNoValue;
  if (types[0] == kString) {
    std::vector<std::string> words(static_cast<std::size_t>(element_count(dims)));
    for (auto& w : words) w = kWords[rng.below(std::size(kWords))];
    x = m.builder().leaf(Tensor(dims, words), Constness::kInput);
  } else {
    x = m.data(types[0], dims, {.low = 0, .high = 7, .integral = true});
  }
  const auto encode = [&](ValueId v, DType from, DType to, bool with_default) {
    std::vector<Attribute> attributes;
    const auto n = static_cast<std::size_t>(rng.range(1, 6));
    Column keys{from, rng.permutation(7)}, values{to, {}};
    keys.numbers.resize(n);
    for (std::size_t i = 0; i < n; ++i) values.numbers.push_back(rng.range(0, 6));
    put(attributes, "keys", keys, true, tensors);
    put(attributes, "values", values, true, tensors);
    if (with_default) put(attributes, "default", {to, {rng.range(0, 6)}}, false, tensors);
    return m.ops("LabelEncoder", {v}, std::move(attributes), 1, "ai.onnx.ml").front();
  };
  ValueId y = encode(x, types[0], types[1], defaults || without == 1);
  if (m.breaks("direct")) y = m.op("Identity", {rng.chance(0.5) ? m.reshape(y, {-1}) : y});
  m.result(encode(y, types[1], types[2], defaults || without == 0));
}

constexpr Motif motifs[] = {
    {.name = "label-encoder", .aims_at = "LabelEncoderFusion", .guards = kGuards, .build = two_tables},
};

}  // namespace

namespace family {
extern const MotifFamily label_encoder;
const MotifFamily label_encoder = motifs;
}  // namespace family

}  // namespace mob::motifs

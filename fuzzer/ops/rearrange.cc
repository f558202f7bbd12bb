// Fixed rearrangements: DepthToSpace, SpaceToDepth, ReverseSequence, Trilu.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// --- DepthToSpace and SpaceToDepth ---

std::int64_t block_size(const Inference& inf) {
  if (inf.rank(0) != 4) throw InvalidNode("blocks need a tensor [N,C,H,W]");
  const std::int64_t b = inf.node().int_or("blocksize", 0);
  if (b <= 0) throw InvalidNode("blocksize must be positive");
  checked_product(b, b);
  return b;
}

// Whether the depth axis is [block, block, C] (else [C, block, block]).
bool blocks_first(const Inference& inf) {
  const std::string mode = inf.node().string_or("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") throw InvalidNode("there is no mode '" + mode + "'");
  return mode == "DCR";
}

void infer_to_space(Inference& inf) {
  const std::int64_t b = block_size(inf);
  blocks_first(inf);
  const Dims& in = inf.dims(0);
  if (in[1] % (b * b) != 0) throw InvalidNode("the depth is no multiple of a block");
  const Dims out = {in[0], in[1] / (b * b), checked_product(in[2], b), checked_product(in[3], b)};
  inf.set_output(0, {inf.type(0).dtype, out});
}

void infer_to_depth(Inference& inf) {
  const std::int64_t b = block_size(inf);
  if (!blocks_first(inf)) throw Unsupported("SpaceToDepth with a mode");
  const Dims& in = inf.dims(0);
  if (in[2] % b != 0 || in[3] % b != 0) throw InvalidNode("height or width is no multiple of the block");
  inf.set_output(0, {inf.type(0).dtype, {in[0], checked_product(in[1], b * b), in[2] / b, in[3] / b}});
}

// Position in the deep tensor of element (n, c, h, w) of the wide one.
std::int64_t deep_position(const Dims& deep, std::int64_t b, bool first, std::int64_t channels,
                           const Dims& wide) {
  const std::int64_t block = wide[2] % b * b + wide[3] % b;
  const std::int64_t depth = first ? block * channels + wide[1] : wide[1] * b * b + block;
  return ((wide[0] * deep[1] + depth) * deep[2] + wide[2] / b) * deep[3] + wide[3] / b;
}

void evaluate_to_space(Evaluation& ev) {
  const std::int64_t b = block_size(ev);
  const bool first = blocks_first(ev);
  const Dims& out = ev.output().type.dims;
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for_each_index(
      out, [&](const Dims& index) { map.push_back(deep_position(ev.dims(0), b, first, out[1], index)); });
  gather_elements(ev.input(0), map, ev.output());
}

void evaluate_to_depth(Evaluation& ev) {
  const std::int64_t b = block_size(ev);
  const Dims& in = ev.dims(0);
  std::vector<std::int64_t> map(ev.output().count());
  std::int64_t at = 0;
  for_each_index(in, [&](const Dims& index) {
    map[deep_position(ev.output().type.dims, b, true, in[1], index)] = at++;
  });
  gather_elements(ev.input(0), map, ev.output());
}

bool draft_to_space(Draft& d) {
  const std::int64_t b = d.rng().pick({1, 2, 2, 2, 3});
  d.input({.types = drawable(d, d.schema().inputs.at(0).name, kMovable),
           .dims = Dims{kAny, d.rng().range(1, 3) * b * b, kAny, kAny}});
  d.attribute("blocksize", b);
  if (d.schema().has_attribute("mode") && d.rng().chance(0.7))
    d.attribute("mode", std::string(d.rng().chance(0.6) ? "CRD" : "DCR"));
  return true;
}

bool draft_to_depth(Draft& d) {
  const std::int64_t b = d.rng().pick({1, 2, 2, 2, 3});
  d.input({.types = drawable(d, d.schema().inputs.at(0).name, kMovable),
           .dims = Dims{kAny, kAny, d.rng().range(1, 3) * b, d.rng().range(1, 3) * b}});
  d.attribute("blocksize", b);
  return true;
}

// --- ReverseSequence ---

struct Sequences {
  std::size_t batch = 1, time = 0;
  std::vector<std::int64_t> lengths;
};

Sequences sequences(const Inference& inf) {
  const std::int64_t batch = inf.node().int_or("batch_axis", 1), time = inf.node().int_or("time_axis", 0);
  if (batch < 0 || batch > 1 || time < 0 || time > 1 || batch == time)
    throw InvalidNode("batch_axis and time_axis must be 0 and 1");
  if (inf.rank(0) < 2) throw InvalidNode("ReverseSequence needs rank 2");
  Sequences s{static_cast<std::size_t>(batch), static_cast<std::size_t>(time), vector_input(inf, 1)};
  if (static_cast<std::int64_t>(s.lengths.size()) != inf.dims(0)[s.batch])
    throw InvalidNode("sequence_lens is not as long as the batch");
  for (std::int64_t n : s.lengths)
    if (n < 0 || n > inf.dims(0)[s.time]) throw InvalidNode("a sequence is longer than the time axis");
  return s;
}

void infer_reverse(Inference& inf) {
  sequences(inf);
  infer_same_as_input(inf);
}

void evaluate_reverse(Evaluation& ev) {
  const Sequences s = sequences(ev);
  const Dims from = strides(ev.dims(0));
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for_each_index(ev.dims(0), [&](const Dims& index) {
    const std::int64_t t = index[s.time], n = s.lengths[index[s.batch]];
    map.push_back(static_cast<std::int64_t>(map.size()) + (t < n ? (n - 1 - 2 * t) * from[s.time] : 0));
  });
  gather_elements(ev.input(0), map, ev.output());
}

bool draft_reverse(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 2});
  const bool batch_first = d.rng().chance(0.5);
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(x.dims[batch_first ? 0 : 1]));
  const std::int64_t most = x.dims[batch_first ? 1 : 0];
  for (auto& n : lengths) n = d.rng().range(std::min<std::int64_t>(1, most), most);
  d.input(Tensor::ints(lengths));
  if (batch_first || d.rng().chance(0.3)) {
    d.attribute("batch_axis", std::int64_t{batch_first ? 0 : 1});
    d.attribute("time_axis", std::int64_t{batch_first ? 1 : 0});
  }
  return true;
}

// --- Trilu ---

std::int64_t diagonal(const Inference& inf) {
  if (!inf.has_input(1)) return 0;
  if (inf.type(1).count() != 1) throw InvalidNode("k is not one value");
  return inf.ints(1)[0];
}

void infer_trilu(Inference& inf) {
  if (inf.rank(0) < 2) throw InvalidNode("Trilu needs rank 2");
  diagonal(inf);
  infer_same_as_input(inf);
}

void evaluate_trilu(Evaluation& ev) {
  const std::int64_t k = diagonal(ev);
  const bool upper = ev.node().int_or("upper", 1) != 0;
  const std::int64_t rows = ev.dims(0)[ev.dims(0).size() - 2], columns = ev.dims(0).back();
  std::vector<std::int64_t> map(ev.output().count());
  for (std::size_t i = 0; i < map.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const std::int64_t off = at % columns - at / columns % rows;
    map[i] = (upper ? off >= k : off <= k) ? at : -1;
  }
  gather_elements(ev.input(0), map, ev.output());
}

bool draft_trilu(Draft& d) {
  d.input({.types = drawable(d, "T"), .min_rank = 2, .min_size = 0});
  if (d.rng().chance(0.6)) d.input(Tensor::of_ints(DType::kInt64, {}, {d.rng().range(-3, 3)}));
  if (d.rng().chance(0.7)) d.attribute("upper", d.rng().range(0, 1));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "DepthToSpace", .draft = draft_to_space, .infer = infer_to_space, .evaluate = evaluate_to_space},
    {.name = "SpaceToDepth", .draft = draft_to_depth, .infer = infer_to_depth, .evaluate = evaluate_to_depth},
    {.name = "ReverseSequence",
     .since = 10,
     .draft = draft_reverse,
     .infer = infer_reverse,
     .evaluate = evaluate_reverse},
    {.name = "Trilu", .since = 14, .draft = draft_trilu, .infer = infer_trilu, .evaluate = evaluate_trilu},
};

}  // namespace

namespace family {
extern constinit const Family rearrange = specs;
}

}  // namespace mob::ops

// Expand and Tile: elements repeated.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

void infer_expand(Inference& inf) {
  const Dims shape = vector_input(inf, 1);
  for (std::int64_t s : shape)
    if (s < 0) throw InvalidNode("a negative size in the shape");
  inf.set_output(0, {inf.type(0).dtype, broadcast(inf.dims(0), shape)});
}

void evaluate_expand(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const auto map = broadcast_map(ev.dims(0), ev.output().type.dims);
  if (map.empty())
    copy_elements(ev.input(0), ev.output());
  else
    gather_elements(ev.input(0), map, ev.output());
}

bool draft_expand(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_size = 0});
  Dims shape = x.dims;
  for (auto& s : shape) {
    if (s == 1 && rng.chance(0.7))
      s = d.size();
    else if (rng.chance(0.2))
      s = 1;  // leaves the input's size
  }
  if (rng.chance(0.3))
    shape.insert(shape.begin(), d.size());
  else if (!shape.empty() && rng.chance(0.2))
    shape.erase(shape.begin());
  d.input(Tensor::ints(shape));
  return true;
}

void infer_tile(Inference& inf) {
  const auto repeats = vector_input(inf, 1);
  Dims out = inf.dims(0);
  if (repeats.size() != out.size()) throw InvalidNode("repeats is not as long as the rank");
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (repeats[i] < 0) throw InvalidNode("a negative number of repeats");
    out[i] = checked_product(out[i], repeats[i]);
  }
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate_tile(Evaluation& ev) {
  const Dims &in = ev.dims(0), from = strides(in);
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for_each_index(ev.output().type.dims, [&](const Dims& index) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < in.size(); ++d) offset += index[d] % in[d] * from[d];
    map.push_back(offset);
  });
  gather_elements(ev.input(0), map, ev.output());
}

bool draft_tile(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_size = 0});
  std::vector<std::int64_t> repeats;
  for (std::size_t i = 0; i < x.rank(); ++i)
    repeats.push_back(d.rng().chance(0.02) ? 0 : d.rng().chance(0.5) ? 1 : d.rng().range(2, 3));
  d.input(Tensor::ints(repeats));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Expand", .since = 8, .draft = draft_expand, .infer = infer_expand, .evaluate = evaluate_expand},
    {.name = "Tile", .since = 6, .draft = draft_tile, .infer = infer_tile, .evaluate = evaluate_tile},
};

}  // namespace

namespace family {
extern constinit const Family expand = specs;
}

}  // namespace mob::ops

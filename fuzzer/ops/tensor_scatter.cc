// TensorScatter: a cache whose slices along one axis are overwritten, from a place of each sample's own.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

std::size_t sequence_axis(const Inference& inf) {
  const std::int64_t axis = Inference::axis(inf.node().int_or("axis", -2), inf.rank(0));
  if (axis == 0) throw InvalidNode("the axis of TensorScatter is that of the batch");
  return static_cast<std::size_t>(axis);
}

bool circular(const Inference& inf) {
  const std::string mode = inf.node().string_or("mode", "linear");
  if (mode != "linear" && mode != "circular") throw InvalidNode("TensorScatter has no mode '" + mode + "'");
  return mode == "circular";
}

// Where each sample's updates begin.
std::vector<std::int64_t> starts(const Inference& inf) {
  const std::int64_t batch = inf.dims(0)[0];
  const std::size_t axis = sequence_axis(inf);
  const std::int64_t room = inf.dims(0)[axis], length = inf.dims(1)[axis];
  if (!inf.has_input(2)) return std::vector<std::int64_t>(static_cast<std::size_t>(batch), 0);
  if (inf.dims(2) != Dims{batch}) throw InvalidNode("write_indices do not fit the batch");
  const auto start = inf.ints(2);
  for (std::int64_t s : start)
    if (s < 0 || (!circular(inf) && s > room - length)) throw InvalidNode("a write index is out of range");
  return start;
}

void infer(Inference& inf) {
  const std::size_t axis = sequence_axis(inf);
  circular(inf);
  Dims update = inf.dims(1);
  if (update.size() != inf.dims(0).size() || update[axis] > inf.dims(0)[axis])
    throw InvalidNode("the update does not fit the cache");
  update[axis] = inf.dims(0)[axis];
  if (update != inf.dims(0) || inf.type(1).dtype != inf.type(0).dtype)
    throw InvalidNode("the update does not fit the cache");
  starts(inf);
  infer_same_as_input(inf);
}

void evaluate(Evaluation& ev) {
  copy_elements(ev.input(0), ev.output());
  ev.output().origin = nullptr;
  const std::size_t axis = sequence_axis(ev);
  const Dims &dims = ev.dims(0), step = strides(dims);
  const auto start = starts(ev);
  std::size_t from = 0;
  for_each_index(ev.dims(1), [&](const Dims& index) {
    std::int64_t to = 0;
    for (std::size_t d = 0; d < dims.size(); ++d) {
      // Linear writes stay inside, circular ones wrap; the sum of two may not overflow.
      const std::int64_t shift = d == axis ? start[static_cast<std::size_t>(index[0])] % dims[axis] : 0;
      to += (index[d] + shift) % dims[d] * step[d];
    }
    copy_element(ev.input(1), from++, ev.output(), static_cast<std::size_t>(to));
  });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable | kFloat8s), .min_rank = 2, .max_rank = 4});
  const auto rank = static_cast<std::int64_t>(x.rank());
  // The default axis of a matrix is the batch.
  const std::int64_t axis = rank > 2 && rng.chance(0.4) ? rank - 2 : rng.range(1, rank - 1);
  if (axis != rank - 2 || rng.chance(0.3)) d.attribute("axis", rng.chance(0.5) ? axis - rank : axis);
  const std::int64_t room = x.dims[static_cast<std::size_t>(axis)], length = rng.range(1, room);
  Dims update = x.dims;
  update[static_cast<std::size_t>(axis)] = length;
  d.input({.types = x.dtype, .dims = update});
  const bool wraps = rng.chance(0.5);
  if (wraps || rng.chance(0.3)) d.attribute("mode", std::string(wraps ? "circular" : "linear"));
  if (rng.chance(0.3)) return true;
  std::vector<std::int64_t> start;
  for (std::int64_t i = 0; i < x.dims[0]; ++i)
    start.push_back(rng.range(0, wraps ? room - 1 : room - length));
  d.input(Tensor::ints(start));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "TensorScatter", .since = 24, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family tensor_scatter = specs;
}

}  // namespace mob::ops

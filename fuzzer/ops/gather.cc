// Gather, GatherElements, GatherND. An element picked by an undecided index is open.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

std::int64_t axis_of(const Inference& inf) {
  return Inference::axis(inf.node().int_or("axis", 0), inf.rank(0));
}

const Ints& indices_of(const Inference& inf) {
  const DType t = inf.type(1).dtype;
  if (t != DType::kInt32 && t != DType::kInt64) throw InvalidNode("indices are neither int32 nor int64");
  return inf.input(1).ints();
}

// The elements of `map`, open where it is negative.
void gather(Evaluation& ev, const std::vector<std::int64_t>& map) {
  gather_elements(ev.input(0), map, ev.output());
  for (std::size_t i = 0; i < map.size(); ++i)
    if (map[i] < 0) set_open(ev.output(), i);
}

DType draw_index_type(Rng& rng) {
  return rng.chance(0.3) ? DType::kInt32 : DType::kInt64;
}

std::int64_t draw_index(Draft& d, std::int64_t size) {
  return d.rng().range(d.opset() >= 11 && d.rng().chance(0.3) ? -size : 0, size - 1);
}

// --- Gather ---

void infer_gather(Inference& inf) {
  const std::int64_t axis = axis_of(inf);
  Dims out = inf.dims(0);
  out.erase(out.begin() + axis);
  out.insert(out.begin() + axis, inf.dims(1).begin(), inf.dims(1).end());
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate_gather(Evaluation& ev) {
  const Ints& indices = indices_of(ev);
  const Dims& in = ev.dims(0);
  const auto axis = static_cast<std::size_t>(axis_of(ev));
  std::vector<std::int64_t> at;
  for (std::size_t i = 0; i < indices.v.size(); ++i) at.push_back(index_at(indices, i, in[axis]));
  if (ev.output().count() == 0) return;
  const std::int64_t outer = product(in, 0, axis), inner = product(in, axis + 1, in.size());
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i : at)
      for (std::int64_t k = 0; k < inner; ++k) map.push_back(i < 0 ? -1 : (o * in[axis] + i) * inner + k);
  gather(ev, map);
}

bool draft_gather(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1});
  const auto rank_of_x = static_cast<std::int64_t>(x.rank());
  // Of strings, ONNX Runtime copies the first one of each slice only.
  const std::int64_t axis = x.dtype == DType::kString ? rank_of_x - 1 : draw_axis(d, rank_of_x);
  const std::int64_t size = x.dims[axis < 0 ? axis + rank_of_x : axis];
  if (size == 0) return false;
  if (axis != 0 || rng.chance(0.3)) d.attribute("axis", axis);
  Dims dims;
  for (std::size_t rank = rng.weighted(std::vector<double>{3, 5, 2}); rank > 0; --rank)
    dims.push_back(d.size());
  std::vector<std::int64_t> indices(static_cast<std::size_t>(element_count(dims)));
  for (auto& i : indices) i = draw_index(d, size);
  d.input(Tensor::of_ints(draw_index_type(rng), dims, indices));
  return true;
}

// --- GatherElements ---

void infer_gather_elements(Inference& inf) {
  const std::int64_t axis = axis_of(inf);
  const Dims &in = inf.dims(0), &out = inf.dims(1);
  if (in.size() != out.size()) throw InvalidNode("indices are of another rank than data");
  for (std::size_t d = 0; d < in.size(); ++d)
    if (static_cast<std::int64_t>(d) != axis && out[d] > in[d])
      throw InvalidNode("indices are larger than data");
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate_gather_elements(Evaluation& ev) {
  const Ints& indices = indices_of(ev);
  const auto axis = static_cast<std::size_t>(axis_of(ev));
  const Dims &in = ev.dims(0), from = strides(in);
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for_each_index(ev.output().type.dims, [&](const Dims& index) {
    const std::int64_t along = index_at(indices, map.size(), in[axis]);
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < in.size(); ++d) offset += (d == axis ? along : index[d]) * from[d];
    map.push_back(along < 0 ? -1 : offset);
  });
  gather(ev, map);
}

bool draft_gather_elements(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1});
  const std::int64_t given = draw_axis(d, static_cast<std::int64_t>(x.rank()));
  const std::int64_t axis = given < 0 ? given + static_cast<std::int64_t>(x.rank()) : given;
  if (element_count(x.dims) == 0) return false;
  if (given != 0 || rng.chance(0.3)) d.attribute("axis", given);
  Dims dims = x.dims;
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (rng.chance(0.3)) dims[i] = rng.range(1, dims[i] + (static_cast<std::int64_t>(i) == axis ? 2 : 0));
  std::vector<std::int64_t> indices(static_cast<std::size_t>(element_count(dims)));
  for (auto& i : indices) i = draw_index(d, x.dims[axis]);
  d.input(Tensor::of_ints(draw_index_type(rng), dims, indices));
  return true;
}

// --- GatherND ---

// Index tuples of `depth` numbers, below `batch` leading axes that data and indices share.
struct Tuples {
  std::size_t batch = 0, depth = 0;
};

Tuples tuples_of(const Inference& inf) {
  const Dims &in = inf.dims(0), &indices = inf.dims(1);
  if (in.empty() || indices.empty()) throw InvalidNode("GatherND takes no scalars");
  const std::int64_t batch = inf.node().int_or("batch_dims", 0);
  if (batch < 0 || batch >= std::min(inf.rank(0), inf.rank(1)))
    throw InvalidNode("batch_dims is out of range");
  if (indices.back() < 1 || indices.back() > inf.rank(0) - batch)
    throw InvalidNode("the last axis of the indices does not fit the rank of data");
  const Tuples t{static_cast<std::size_t>(batch), static_cast<std::size_t>(indices.back())};
  for (std::size_t d = 0; d < t.batch; ++d)
    if (in[d] != indices[d]) throw InvalidNode("data and indices differ in a batch axis");
  return t;
}

void infer_gather_nd(Inference& inf) {
  const Tuples t = tuples_of(inf);
  const Dims &in = inf.dims(0), &indices = inf.dims(1);
  Dims out(indices.begin(), indices.end() - 1);
  out.insert(out.end(), in.begin() + static_cast<std::ptrdiff_t>(t.batch + t.depth), in.end());
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate_gather_nd(Evaluation& ev) {
  const auto [batch, depth] = tuples_of(ev);
  const Ints& indices = indices_of(ev);
  if (indices.v.empty()) return;
  const Dims &in = ev.dims(0), from = strides(in);
  const std::int64_t block = product(in, batch, in.size()), part = product(in, batch + depth, in.size());
  const std::size_t batches = static_cast<std::size_t>(product(in, 0, batch));
  const std::size_t tuples = indices.v.size() / depth, per_batch = tuples / batches;
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for (std::size_t t = 0; t < tuples; ++t) {
    std::int64_t offset = static_cast<std::int64_t>(t / per_batch) * block;
    bool undecided = false;
    for (std::size_t k = 0; k < depth; ++k) {
      const std::int64_t i = index_at(indices, t * depth + k, in[batch + k]);
      undecided = undecided || i < 0;
      offset += i * from[batch + k];
    }
    for (std::int64_t i = 0; i < part; ++i) map.push_back(undecided ? -1 : offset + i);
  }
  gather(ev, map);
}

bool draft_gather_nd(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1});
  if (element_count(x.dims) == 0) return false;
  const auto rank = static_cast<std::int64_t>(x.rank());
  const bool batched = d.schema().has_attribute("batch_dims");
  const std::int64_t batch =
      batched && rng.chance(0.4) ? rng.range(0, std::min<std::int64_t>(rank - 1, 2)) : 0;
  const std::int64_t depth = rng.range(1, rank - batch);
  Dims dims(x.dims.begin(), x.dims.begin() + batch);
  for (std::int64_t more = rng.range(0, 2); more-- > 0;) dims.push_back(d.size());
  dims.push_back(depth);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(element_count(dims)));
  for (std::size_t i = 0; i < indices.size(); ++i)
    indices[i] = draw_index(d, x.dims[batch + static_cast<std::int64_t>(i) % depth]);
  d.input(Tensor::of_ints(DType::kInt64, dims, indices));
  if (batched && (batch != 0 || rng.chance(0.2))) d.attribute("batch_dims", batch);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Gather", .draft = draft_gather, .infer = infer_gather, .evaluate = evaluate_gather},
    {.name = "GatherElements",
     .since = 11,
     .draft = draft_gather_elements,
     .infer = infer_gather_elements,
     .evaluate = evaluate_gather_elements},
    {.name = "GatherND",
     .since = 11,
     .draft = draft_gather_nd,
     .infer = infer_gather_nd,
     .evaluate = evaluate_gather_nd},
};

}  // namespace

namespace family {
extern constinit const Family gather = specs;
}

}  // namespace mob::ops

// Concat and Split: along one axis, whole blocks move.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// --- Concat ---

std::int64_t concat_axis(const Inference& inf) {
  if (!inf.node().has("axis")) throw InvalidNode("Concat without an axis");
  return Inference::axis(inf.node().int_or("axis", 0), inf.rank(0));
}

void infer_concat(Inference& inf) {
  if (inf.input_count() == 0) throw InvalidNode("Concat of nothing");
  const std::int64_t axis = concat_axis(inf);
  Dims out = inf.dims(0);
  for (std::size_t i = 1; i < inf.input_count(); ++i) {
    Dims dims = inf.dims(i);
    if (inf.type(i).dtype != inf.type(0).dtype) throw InvalidNode("Concat of several element types");
    if (dims.size() != out.size()) throw InvalidNode("Concat of several ranks");
    if (__builtin_add_overflow(out[axis], dims[axis], &out[axis]))
      throw InvalidNode("the size of an axis overflows");
    dims[axis] = out[axis];
    if (dims != out) throw InvalidNode("the inputs of Concat differ outside its axis");
  }
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate_concat(Evaluation& ev) {
  const auto axis = static_cast<std::size_t>(concat_axis(ev));
  if (ev.output().count() == 0) return;
  const Dims& out = ev.output().type.dims;
  const auto outer = static_cast<std::size_t>(product(out, 0, axis));
  const auto row = static_cast<std::size_t>(product(out, axis, out.size()));
  std::size_t at = 0;
  for (std::size_t i = 0; i < ev.input_count(); ++i) {
    const auto part = static_cast<std::size_t>(product(ev.dims(i), axis, out.size()));
    for (std::size_t o = 0; o < outer; ++o)
      copy_range(ev.input(i), o * part, ev.output(), o * row + at, part);
    at += part;
  }
}

bool draft_concat(Draft& d) {
  const auto first_type = drawable(d, d.schema().inputs.at(0).name, kMovable);
  const ArrayType first = d.input({.types = first_type, .min_rank = 1, .max_rank = 5, .min_size = 0});
  const std::int64_t axis = draw_axis(d, static_cast<std::int64_t>(first.rank()));
  for (std::int64_t more = d.rng().weighted(std::vector<double>{1, 6, 3, 1}); more-- > 0;) {
    Dims dims = first.dims;
    if (d.rng().chance(0.6)) dims[axis < 0 ? axis + static_cast<std::int64_t>(dims.size()) : axis] = d.size();
    d.input({.types = first.dtype, .dims = dims});
  }
  d.attribute("axis", axis);
  return true;
}

// --- Split ---

// How long each output is along the axis.
std::vector<std::int64_t> parts(const Inference& inf, std::int64_t size) {
  const auto n = static_cast<std::int64_t>(inf.output_count());
  const bool listed = inf.has_input(1) || inf.node().has("split");
  const std::int64_t wanted = inf.node().int_or("num_outputs", n);
  if (listed && inf.node().has("num_outputs")) throw InvalidNode("Split has both split and num_outputs");
  if (inf.opset() >= 18 && !listed && !inf.node().has("num_outputs"))
    throw InvalidNode("Split has neither split nor num_outputs");
  if (n == 0 || wanted != n) throw InvalidNode("num_outputs is not the number of outputs");
  if (listed) {
    const auto sizes = inf.has_input(1) ? vector_input(inf, 1) : inf.node().ints_or("split", {});
    if (static_cast<std::int64_t>(sizes.size()) != n)
      throw InvalidNode("split is not as long as the outputs");
    std::int64_t total = 0;
    for (std::int64_t s : sizes)
      if (s < 0 || __builtin_add_overflow(total, s, &total)) throw InvalidNode("a part of Split has no size");
    if (total != size) throw InvalidNode("the parts of Split do not make up the axis");
    return sizes;
  }
  if (size % n != 0 && inf.opset() < 18) throw InvalidNode("Split into parts that cannot be equal");
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(n), size / n + (size % n != 0));
  sizes.back() = size - sizes[0] * (n - 1);
  if (sizes.back() < 0) throw InvalidNode("Split into more parts than there are");
  return sizes;
}

void infer_split(Inference& inf) {
  const std::int64_t axis = Inference::axis(inf.node().int_or("axis", 0), inf.rank(0));
  ArrayType part = inf.type(0);
  const auto sizes = parts(inf, part.dims[axis]);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    part.dims[axis] = sizes[i];
    inf.set_output(i, part);
  }
}

void evaluate_split(Evaluation& ev) {
  const auto axis = static_cast<std::size_t>(Inference::axis(ev.node().int_or("axis", 0), ev.rank(0)));
  const Dims& in = ev.dims(0);
  if (element_count(in) == 0) return;
  const auto outer = static_cast<std::size_t>(product(in, 0, axis));
  const auto row = static_cast<std::size_t>(product(in, axis, in.size()));
  std::size_t at = 0;
  for (std::size_t i = 0; i < ev.output_count(); ++i) {
    const auto part = static_cast<std::size_t>(product(ev.output(i).type.dims, axis, in.size()));
    for (std::size_t o = 0; o < outer; ++o)
      copy_range(ev.input(0), o * row + at, ev.output(i), o * part, part);
    at += part;
  }
}

bool draft_split(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1});
  const std::int64_t axis = draw_axis(d, static_cast<std::int64_t>(x.rank()));
  const std::int64_t size = x.dims[axis < 0 ? axis + static_cast<std::int64_t>(x.rank()) : axis];
  if (axis != 0 || rng.chance(0.5)) d.attribute("axis", axis);
  std::int64_t n = rng.range(1, std::min<std::int64_t>(size + 1, 4));
  if (rng.chance(0.5)) {
    // Into equal parts; uneven ones only from opset 18 on, the last not empty.
    const bool uneven = d.schema().has_attribute("num_outputs");
    while (n > 1 && (uneven ? (size + n - 1) / n * (n - 1) >= size : size % n != 0)) --n;
    if (uneven) d.attribute("num_outputs", n);
  } else {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(n), 0);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t first_empty = rng.chance(0.7) && i < n ? i : rng.range(0, n - 1);
      ++sizes[first_empty];
    }
    if (d.schema().has_attribute("split"))
      d.attribute("split", sizes);
    else
      d.input(Tensor::ints(sizes));
  }
  d.outputs(static_cast<std::size_t>(n));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Concat", .since = 4, .draft = draft_concat, .infer = infer_concat, .evaluate = evaluate_concat},
    {.name = "Split", .since = 2, .draft = draft_split, .infer = infer_split, .evaluate = evaluate_split},
};

}  // namespace

namespace family {
extern constinit const Family concat = specs;
}

}  // namespace mob::ops

// Reshape, Flatten, Squeeze, Unsqueeze: the same elements under another shape.
#include <algorithm>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

void evaluate(Evaluation& ev) {
  copy_elements(ev.input(0), ev.output());
}

// --- Reshape ---

void infer_reshape(Inference& inf) {
  const Dims& in = inf.dims(0);
  const bool allow_zero = inf.node().int_or("allowzero", 0) != 0;
  Dims out = vector_input(inf, 1);
  std::optional<std::size_t> free;
  bool literal_zero = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] < -1) throw InvalidNode("a dimension below -1 in the shape");
    if (out[i] == -1) {
      if (free) throw InvalidNode("more than one -1 in the shape");
      free = i;
      out[i] = 1;
    } else if (out[i] == 0 && !allow_zero) {
      if (i >= in.size()) throw InvalidNode("a 0 in the shape stands for an axis that the input lacks");
      out[i] = in[i];
    }
    literal_zero = literal_zero || (out[i] == 0 && allow_zero);
  }
  const std::int64_t n = element_count(in), rest = element_count(out);
  if (free) {
    if (literal_zero) throw InvalidNode("both -1 and a literal 0 in the shape");
    if (rest == 0 || n % rest != 0) throw InvalidNode("the -1 in the shape cannot be determined");
    out[*free] = n / rest;
  } else if (rest != n) {
    throw InvalidNode("Reshape changes the number of elements");
  }
  inf.set_output(0, {inf.type(0).dtype, out});
}

// Another shape with as many elements, by some merges, splits and added ones.
Dims regrouped(Rng& rng, Dims dims) {
  for (std::int64_t steps = rng.range(1, 3); steps-- > 0;) {
    switch (rng.range(0, 3)) {
      case 0:  // merge two neighbours
        if (dims.size() >= 2) {
          const std::int64_t i = rng.range(0, static_cast<std::int64_t>(dims.size()) - 2);
          dims[i] *= dims[i + 1];
          dims.erase(dims.begin() + i + 1);
        }
        break;
      case 1:  // split one
        if (!dims.empty() && dims.size() < 6) {
          const std::int64_t i = rng.range(0, static_cast<std::int64_t>(dims.size()) - 1);
          std::int64_t f = rng.range(1, std::max<std::int64_t>(dims[i], 1));
          while (dims[i] % f != 0) --f;
          dims.insert(dims.begin() + i, f);
          dims[i + 1] /= f;
        }
        break;
      case 2:
        if (dims.size() < 6)
          dims.insert(dims.begin() + rng.range(0, static_cast<std::int64_t>(dims.size())), 1);
        break;
      default:
        rng.shuffle(dims);
    }
  }
  return dims;
}

bool draft_reshape(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .max_rank = 5, .min_size = 0});
  const bool empty = element_count(x.dims) == 0;
  const bool allow_zero = d.schema().has_attribute("allowzero") && rng.chance(empty ? 0.7 : 0.2);
  Dims shape = empty && !allow_zero ? x.dims
               : rng.chance(0.15)   ? Dims{element_count(x.dims)}
                                    : regrouped(rng, x.dims);
  if (element_count(x.dims) == 1 && rng.chance(0.2)) shape.clear();
  if (!empty && !shape.empty()) {
    const std::size_t free = rng.below(shape.size());
    const bool with_free = rng.chance(0.5);
    if (!allow_zero)  // "as in the input"
      for (std::size_t i = 0; i < std::min(shape.size(), x.dims.size()); ++i)
        if (shape[i] == x.dims[i] && rng.chance(0.4)) shape[i] = 0;
    if (with_free) shape[free] = -1;
  }
  d.input(Tensor::ints(shape));
  if (allow_zero)
    d.attribute("allowzero", std::int64_t{1});
  else if (d.schema().has_attribute("allowzero") && rng.chance(0.2))
    d.attribute("allowzero", std::int64_t{0});
  return true;
}

// --- Flatten ---

void infer_flatten(Inference& inf) {
  const std::int64_t rank = inf.rank(0), given = inf.node().int_or("axis", 1);
  if (given < -rank || given > rank) throw InvalidNode("axis is out of range");
  const auto axis = static_cast<std::ptrdiff_t>(given < 0 ? given + rank : given);
  const Dims& in = inf.dims(0);
  inf.set_output(0, {inf.type(0).dtype,
                     {element_count(Dims(in.begin(), in.begin() + axis)),
                      element_count(Dims(in.begin() + axis, in.end()))}});
}

bool draft_flatten(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .max_rank = 5, .min_size = 0});
  const auto rank = static_cast<std::int64_t>(x.rank());
  // The default, 1, is out of range for a scalar.
  if (rank == 0 || d.rng().chance(0.75))
    d.attribute("axis", d.rng().range(d.opset() >= 11 && d.rng().chance(0.4) ? -rank : 0, rank));
  return true;
}

// --- Squeeze and Unsqueeze ---

void infer_squeeze(Inference& inf) {
  const Dims& in = inf.dims(0);
  const bool given = inf.has_input(1) || inf.node().has("axes");
  auto axes = inf.has_input(1) ? vector_input(inf, 1) : inf.node().ints_or("axes", {});
  const bool has_one = std::find(in.begin(), in.end(), 1) != in.end();
  // By the letter none is removed then, but runtimes take it for "not given".
  if (given && axes.empty() && has_one) throw Unsupported("Squeeze with an empty list of axes");
  if (!given)
    for (std::size_t i = 0; i < in.size(); ++i)
      if (in[i] == 1) axes.push_back(static_cast<std::int64_t>(i));
  std::vector<bool> drop(in.size());
  for (std::int64_t a : distinct_axes(axes, inf.rank(0))) {
    if (in[a] != 1) throw InvalidNode("Squeeze of an axis whose size is not 1");
    drop[a] = true;
  }
  Dims out;
  for (std::size_t i = 0; i < in.size(); ++i)
    if (!drop[i]) out.push_back(in[i]);
  inf.set_output(0, {inf.type(0).dtype, out});
}

void infer_unsqueeze(Inference& inf) {
  // The text says 1-D, but onnx's own models and the runtimes take a scalar for one axis.
  const bool scalar = inf.has_input(1) && inf.rank(1) == 0;
  const auto given = scalar             ? inf.ints(1)
                     : inf.has_input(1) ? vector_input(inf, 1)
                                        : inf.node().ints_or("axes", {});
  if (!inf.has_input(1) && !inf.node().has("axes")) throw InvalidNode("Unsqueeze without axes");
  const auto rank = inf.rank(0) + static_cast<std::int64_t>(given.size());
  std::vector<bool> fresh(static_cast<std::size_t>(rank));
  for (std::int64_t a : distinct_axes(given, rank)) fresh[a] = true;
  Dims out;
  auto next = inf.dims(0).begin();
  for (bool f : fresh) out.push_back(f ? 1 : *next++);
  inf.set_output(0, {inf.type(0).dtype, out});
}

// The axes in any order, some counted from the end, in the form of the opset.
void draw_axes(Draft& d, std::vector<std::int64_t> axes, std::int64_t rank) {
  if (d.opset() >= 11)  // before, shape inference wants them ascending
    d.rng().shuffle(axes);
  else
    std::sort(axes.begin(), axes.end());
  if (d.opset() >= 11 && d.rng().chance(0.4))
    for (auto& a : axes)
      if (d.rng().chance(0.7)) a -= rank;
  if (d.schema().has_attribute("axes"))
    d.attribute("axes", axes);
  else
    d.input(Tensor::ints(axes));
}

bool draft_squeeze(Draft& d) {
  Rng& rng = d.rng();
  Dims dims(rng.range(0, 3), kAny);
  for (std::int64_t ones = rng.range(1, 3); ones-- > 0;)
    dims.insert(dims.begin() + rng.range(0, static_cast<std::int64_t>(dims.size())), 1);
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .dims = dims});
  if (rng.chance(0.25)) return true;  // all of size 1
  std::vector<std::int64_t> axes, of_one;
  for (std::size_t i = 0; i < x.rank(); ++i)
    if (x.dims[i] == 1) {
      of_one.push_back(static_cast<std::int64_t>(i));
      if (rng.chance(0.6)) axes.push_back(of_one.back());
    }
  if (axes.empty()) axes.push_back(rng.pick(of_one));
  draw_axes(d, axes, static_cast<std::int64_t>(x.rank()));
  return true;
}

bool draft_unsqueeze(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_size = 0});
  const std::int64_t rank = static_cast<std::int64_t>(x.rank()) + d.rng().range(1, x.rank() > 3 ? 1 : 3);
  auto axes = d.rng().permutation(static_cast<std::size_t>(rank));
  axes.resize(static_cast<std::size_t>(rank) - x.rank());
  draw_axes(d, axes, rank);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Reshape", .since = 5, .draft = draft_reshape, .infer = infer_reshape, .evaluate = evaluate},
    {.name = "Flatten", .draft = draft_flatten, .infer = infer_flatten, .evaluate = evaluate},
    {.name = "Squeeze", .draft = draft_squeeze, .infer = infer_squeeze, .evaluate = evaluate},
    {.name = "Unsqueeze", .draft = draft_unsqueeze, .infer = infer_unsqueeze, .evaluate = evaluate},
};

}  // namespace

namespace family {
extern constinit const Family reshape = specs;
}

}  // namespace mob::ops

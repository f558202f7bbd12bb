// NonZero, Compress, OneHot: the values of an input decide what the output is made of.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// --- NonZero ---

bool is_zero(const Expected& x, std::size_t i) {
  if (x.type.dtype == DType::kString) return std::get<Strings>(x.data)[i].empty();
  if (x.holds_ints() && x.ints().bound(i) == 0) return x.ints().v[i] == 0;
  const double v = x.value_at(i), e = x.bound_at(i);
  if (e > 0 && !(std::fabs(v) > e)) throw Unsupported("whether an element is zero is undecided");
  return v == 0;
}

std::vector<std::int64_t> nonzero(const Inference& inf) {
  const Expected& x = inf.input(0);
  std::vector<std::int64_t> at;
  for (std::size_t i = 0; i < x.count(); ++i)
    if (!is_zero(x, i)) at.push_back(static_cast<std::int64_t>(i));
  return at;
}

// Of a scalar, unlike numpy's: [0, n].
void infer_nonzero(Inference& inf) {
  inf.set_output(0, {DType::kInt64, {inf.rank(0), static_cast<std::int64_t>(nonzero(inf).size())}});
}

void evaluate_nonzero(Evaluation& ev) {
  const auto at = nonzero(ev);
  const Dims &in = ev.dims(0), step = strides(in);
  Ints& y = ev.out_ints();
  for (std::size_t d = 0; d < in.size(); ++d)
    for (std::size_t i = 0; i < at.size(); ++i) y.v[d * at.size() + i] = at[i] / step[d] % in[d];
}

bool draft_nonzero(Draft& d) {
  d.input({.types = drawable(d, "T"), .min_rank = 1, .range = {.low = -1, .high = 1, .integral = true}});
  return true;
}

// --- Compress ---

std::vector<std::int64_t> chosen(const Inference& inf) {
  const auto condition = vector_input(inf, 1);
  const bool flat = !inf.node().has("axis");
  const std::int64_t size = flat ? element_count(inf.dims(0))
                                 : inf.dims(0)[Inference::axis(inf.node().int_or("axis", 0), inf.rank(0))];
  if (static_cast<std::int64_t>(condition.size()) > size) throw InvalidNode("the condition is too long");
  std::vector<std::int64_t> at;
  for (std::size_t i = 0; i < condition.size(); ++i)
    if (condition[i] != 0) at.push_back(static_cast<std::int64_t>(i));
  return at;
}

void infer_compress(Inference& inf) {
  if (inf.rank(0) == 0) throw InvalidNode("Compress takes no scalar");
  const auto n = static_cast<std::int64_t>(chosen(inf).size());
  Dims out = inf.dims(0);
  if (inf.node().has("axis"))
    out[Inference::axis(inf.node().int_or("axis", 0), inf.rank(0))] = n;
  else
    out = {n};
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate_compress(Evaluation& ev) {
  const auto at = chosen(ev);
  if (!ev.node().has("axis")) {
    gather_elements(ev.input(0), at, ev.output());
    return;
  }
  if (ev.output().count() == 0) return;
  const Dims& in = ev.dims(0);
  const auto axis = static_cast<std::size_t>(Inference::axis(ev.node().int_or("axis", 0), ev.rank(0)));
  const auto outer = static_cast<std::size_t>(product(in, 0, axis));
  const auto inner = static_cast<std::size_t>(product(in, axis + 1, in.size()));
  std::size_t to = 0;
  for (std::size_t o = 0; o < outer; ++o)
    for (std::int64_t i : at) {
      copy_range(ev.input(0), (o * static_cast<std::size_t>(in[axis]) + static_cast<std::size_t>(i)) * inner,
                 ev.output(), to, inner);
      to += inner;
    }
}

bool draft_compress(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1});
  std::int64_t size = element_count(x.dims);
  if (rng.chance(0.7)) {
    const std::int64_t axis = draw_axis(d, static_cast<std::int64_t>(x.rank()));
    d.attribute("axis", axis);
    size = x.dims[axis < 0 ? axis + static_cast<std::int64_t>(x.rank()) : axis];
  }
  if (rng.chance(0.3)) size = rng.range(std::min<std::int64_t>(1, size), size);
  std::vector<std::int64_t> condition(static_cast<std::size_t>(size));
  for (auto& c : condition) c = rng.chance(0.6);
  d.input(Tensor::of_ints(DType::kBool, {size}, condition));
  return true;
}

// --- OneHot ---

// Numbers of any type count as int64, cut off towards zero.
std::int64_t depth_of(const Inference& inf) {
  const Expected& x = inf.input(1);
  if (x.count() != 1 || x.type.rank() > 1) throw InvalidNode("depth is not one number");
  std::int64_t depth = 0;
  if (x.holds_ints()) {
    depth = inf.ints(1)[0];
  } else {
    const double v = x.value_at(0), e = x.bound_at(0);
    if (!(std::fabs(v) + e < 0x1p62)) throw InvalidNode("depth is no number of classes");
    if (std::trunc(v - e) != std::trunc(v + e)) throw Unsupported("depth is undecided");
    depth = static_cast<std::int64_t>(v);
  }
  if (depth < 1) throw InvalidNode("depth must be positive");
  return depth;
}

std::int64_t one_hot_axis(const Inference& inf) {
  return Inference::axis(inf.node().int_or("axis", -1), inf.rank(0) + 1);
}

void infer_one_hot(Inference& inf) {
  if (inf.type(0).dtype == DType::kString) throw InvalidNode("indices are strings");
  if (inf.dims(2) != Dims{2}) throw InvalidNode("values are not two");
  Dims out = inf.dims(0);
  out.insert(out.begin() + one_hot_axis(inf), depth_of(inf));
  inf.set_output(0, {inf.type(2).dtype, out});
}

constexpr std::int64_t kNone = -1, kUndecided = -2;  // in place of a class

// What has no agreed conversion to int64 is unspecified.
std::int64_t class_of(Evaluation& ev, std::size_t i, std::int64_t depth) {
  const Expected& x = ev.input(0);
  std::int64_t c = 0;
  if (x.holds_ints()) {
    if (x.ints().bound(i) != 0) return kUndecided;
    c = x.ints().v[i];
    if (x.type.dtype == DType::kUint64 && c < 0) {
      ev.unspecified("an index beyond int64");
      return kUndecided;
    }
  } else {
    const double v = x.value_at(i), e = x.bound_at(i);
    if (std::isnan(e) || std::isinf(e)) return kUndecided;
    if (!(std::fabs(v) + e < 0x1p62)) {
      ev.unspecified("an index beyond int64");
      return kUndecided;
    }
    if (std::trunc(v - e) != std::trunc(v + e)) return kUndecided;
    c = static_cast<std::int64_t>(v);
  }
  if (c < -depth || c >= depth) return kNone;
  return c < 0 ? c + depth : c;
}

void evaluate_one_hot(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const Dims& in = ev.dims(0);
  const std::int64_t depth = depth_of(ev);
  const auto axis = static_cast<std::size_t>(one_hot_axis(ev));
  const std::int64_t inner = product(in, axis, in.size());
  std::vector<std::int64_t> map(ev.output().count(), 0);
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < ev.input(0).count(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const std::int64_t first = at / inner * depth * inner + at % inner, c = class_of(ev, i, depth);
    if (c == kUndecided)
      for (std::int64_t k = 0; k < depth; ++k) open.push_back(static_cast<std::size_t>(first + k * inner));
    else if (c != kNone)
      map[first + c * inner] = 1;
  }
  gather_elements(ev.input(2), map, ev.output());
  for (std::size_t i : open) set_open(ev.output(), i);
}

bool draft_one_hot(Draft& d) {
  Rng& rng = d.rng();
  const DTypeSet plain = drawable(d, "T1", {DType::kInt32, DType::kInt64});
  const auto depth_types = drawable(d, "T2", kInts).list();
  if (depth_types.empty()) return false;
  const std::int64_t depth = rng.range(1, 5);
  const auto reach = static_cast<double>(depth);
  const ArrayType x =
      d.input({.types = plain.empty() || rng.chance(0.3) ? drawable(d, "T1") : plain,
               .min_rank = 1,  // onnx's shape inference refuses a scalar
               .max_rank = 3,
               .min_size = 0,
               .range = {.low = d.opset() < 11 ? 0 : -reach - 1, .high = reach, .integral = true}});
  // Runtimes have kernels for few of the triples of types.
  const DTypeSet usual =
      x.dtype == DType::kInt64 ? DTypeSet{DType::kFloat, DType::kInt64} : DTypeSet{DType::kFloat};
  const bool common = rng.chance(0.8) && drawable(d, "T2").has(x.dtype) && is_signed_int(x.dtype);
  const DType t = common ? x.dtype : rng.pick(depth_types);
  d.input(Tensor::of_ints(t, rng.chance(0.5) ? Dims{} : Dims{1}, {depth}));
  d.input({.types = drawable(d, "T3", common ? usual : kMovable), .dims = Dims{2}, .role = Role::kParameter});
  const auto rank = static_cast<std::int64_t>(x.rank());
  if (rng.chance(0.7)) d.attribute("axis", rng.range(-rank - 1, rank));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "NonZero",
     .since = 9,
     .draft = draft_nonzero,
     .infer = infer_nonzero,
     .evaluate = evaluate_nonzero},
    {.name = "Compress",
     .since = 9,
     .draft = draft_compress,
     .infer = infer_compress,
     .evaluate = evaluate_compress},
    {.name = "OneHot",
     .since = 9,
     .draft = draft_one_hot,
     .infer = infer_one_hot,
     .evaluate = evaluate_one_hot},
};

}  // namespace

namespace family {
extern constinit const Family select = specs;
}

}  // namespace mob::ops

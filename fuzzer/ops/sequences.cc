// Sequences of tensors: made, taken apart, changed. (SequenceMap is evaluated by its body as a function.)
#include "fuzzer/graph/other_types.h"
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

using ExpectedPtr = std::shared_ptr<const Expected>;
using Elements = std::vector<ExpectedPtr>;

const Expected& sequence(const Inference& inf, std::size_t i = 0) {
  const Expected& x = inf.input(i);
  if (kind_of(x.type) != Kind::kSequence)
    throw InvalidNode("input " + std::to_string(i) + " must be a sequence");
  return x;
}

const Expected& tensor(const Inference& inf, std::size_t i) {
  const Expected& x = inf.input(i);
  if (x.elements) throw InvalidNode("input " + std::to_string(i) + " must be a tensor");
  return x;
}

// A place among `places` ones, negative ones counted from the end; the last where the input is left out.
std::int64_t position(const Inference& inf, std::size_t input, std::size_t places) {
  const auto n = static_cast<std::int64_t>(places);
  if (!inf.has_input(input)) {
    if (n == 0) throw InvalidNode("the sequence is empty");
    return n - 1;
  }
  const auto at = inf.ints(input);
  if (at.size() != 1) throw InvalidNode("a position is not one number");
  return Inference::axis(at[0], n);
}

// Its length is known when its node is evaluated only: a sequence has no type that `infer` could set.
void infer_sequence(Inference&) {}

void set_sequence(Expected& out, Elements elements, DType type) {
  out.elements = std::make_shared<const Elements>(std::move(elements));
  out.type = other_type(Kind::kSequence, type);
}

void sequence_empty(Evaluation& ev) {
  set_sequence(ev.output(), {},
               static_cast<DType>(ev.node().int_or("dtype", static_cast<std::int64_t>(DType::kFloat))));
}

void sequence_construct(Evaluation& ev) {
  if (ev.input_count() == 0) throw InvalidNode("SequenceConstruct of nothing");
  Elements elements;
  for (std::size_t i = 0; i < ev.input_count(); ++i) {
    if (tensor(ev, i).type.dtype != ev.type(0).dtype)
      throw InvalidNode("SequenceConstruct of several element types");
    elements.push_back(std::make_shared<const Expected>(ev.input(i)));
  }
  set_sequence(ev.output(), std::move(elements), ev.type(0).dtype);
}

void sequence_insert(Evaluation& ev) {
  const Expected& s = sequence(ev);
  if (tensor(ev, 1).type.dtype != element_of(s.type)) throw InvalidNode("the tensor is of another type");
  Elements elements = *s.elements;
  // One place more than there are elements, but -1 stands for that of the last element.
  const auto n = static_cast<std::int64_t>(elements.size());
  std::int64_t at = n;
  if (ev.has_input(2)) {
    const auto given = ev.ints(2);
    if (given.size() != 1 || given[0] < -n || given[0] > n) throw InvalidNode("a position out of range");
    at = given[0] < 0 ? given[0] + n : given[0];
  }
  elements.insert(elements.begin() + at, std::make_shared<const Expected>(ev.input(1)));
  set_sequence(ev.output(), std::move(elements), element_of(s.type));
}

void sequence_erase(Evaluation& ev) {
  const Expected& s = sequence(ev);
  Elements elements = *s.elements;
  elements.erase(elements.begin() + position(ev, 1, elements.size()));
  set_sequence(ev.output(), std::move(elements), element_of(s.type));
}

const Expected& element_at(const Inference& inf) {
  const Expected& s = sequence(inf);
  if (!inf.has_input(1)) throw InvalidNode("SequenceAt without a position");
  return *(*s.elements)[static_cast<std::size_t>(position(inf, 1, s.elements->size()))];
}
void infer_sequence_at(Inference& inf) {
  inf.set_output(0, element_at(inf).type);
}
void sequence_at(Evaluation& ev) {
  ev.output() = element_at(ev);
}

void infer_sequence_length(Inference& inf) {
  sequence(inf);
  inf.set_output(0, {DType::kInt64, {}});
}
void sequence_length(Evaluation& ev) {
  ev.out_ints().v[0] = static_cast<std::int64_t>(sequence(ev).elements->size());
}

// --- SplitToSequence, ConcatFromSequence -------------------------------------------------------------------

// How long each part is along the axis.
std::vector<std::int64_t> part_sizes(const Inference& inf, std::int64_t size) {
  if (!inf.has_input(1)) return std::vector<std::int64_t>(static_cast<std::size_t>(size), 1);
  const std::vector<std::int64_t> split = inf.ints(1);
  if (inf.rank(1) > 1) throw InvalidNode("`split` is a scalar or a vector");
  if (inf.rank(1) == 0) {
    if (split[0] <= 0) throw InvalidNode("parts of no length");
    std::vector<std::int64_t> sizes;
    for (std::int64_t left = size; left > 0; left -= split[0]) sizes.push_back(std::min(left, split[0]));
    return sizes;
  }
  std::int64_t sum = 0;
  for (std::int64_t s : split)
    if (s < 0 || s > size || (sum += s) > size) throw InvalidNode("the parts do not fit");
  if (sum != size) throw InvalidNode("the parts do not make up the whole");
  return split;
}

void split_to_sequence(Evaluation& ev) {
  const Expected& x = tensor(ev, 0);
  const auto axis = static_cast<std::size_t>(Inference::axis(ev.node().int_or("axis", 0), ev.rank(0)));
  const bool keep = ev.has_input(1) || ev.node().int_or("keepdims", 1) != 0;
  const Dims& dims = x.type.dims;
  const auto before = static_cast<std::size_t>(product(dims, 0, axis));
  const auto behind = static_cast<std::size_t>(product(dims, axis + 1, dims.size()));
  const auto row = static_cast<std::size_t>(dims[axis]) * behind;
  Elements elements;
  std::size_t from = 0;
  for (std::int64_t size : part_sizes(ev, dims[axis])) {
    Dims of_part = dims;
    of_part[axis] = size;
    if (!keep) of_part.erase(of_part.begin() + static_cast<std::ptrdiff_t>(axis));
    Expected part({x.type.dtype, of_part});
    const std::size_t n = static_cast<std::size_t>(size) * behind;
    for (std::size_t b = 0; b < before; ++b) copy_range(x, b * row + from, part, b * n, n);
    from += n;
    elements.push_back(std::make_shared<const Expected>(std::move(part)));
  }
  set_sequence(ev.output(), std::move(elements), x.type.dtype);
}

// The axis along which elements are joined or, with `new_axis`, stacked.
std::size_t joined_axis(const Inference& inf, const ArrayType& first) {
  if (!inf.node().has("axis")) throw InvalidNode("ConcatFromSequence without an axis");
  const auto rank = static_cast<std::int64_t>(first.rank()) + (inf.node().int_or("new_axis", 0) != 0 ? 1 : 0);
  return static_cast<std::size_t>(Inference::axis(inf.node().int_or("axis", 0), rank));
}

void infer_concat_from_sequence(Inference& inf) {
  const Expected& s = sequence(inf);
  if (s.elements->empty()) throw InvalidNode("ConcatFromSequence of an empty sequence");
  ArrayType out = s.elements->front()->type;
  const std::size_t axis = joined_axis(inf, out);
  const bool stacked = inf.node().int_or("new_axis", 0) != 0;
  std::int64_t size = 0;
  for (const ExpectedPtr& x : *s.elements) {
    Dims dims = x->type.dims;
    if (dims.size() != out.rank()) throw InvalidNode("the elements differ in rank");
    if (!stacked) {
      if (__builtin_add_overflow(size, dims[axis], &size)) throw InvalidNode("the size of an axis overflows");
      dims[axis] = out.dims[axis];
    }
    if (dims != out.dims) throw InvalidNode("the elements differ in shape");
  }
  if (stacked)
    out.dims.insert(out.dims.begin() + static_cast<std::ptrdiff_t>(axis),
                    static_cast<std::int64_t>(s.elements->size()));
  else
    out.dims[axis] = size;
  inf.set_output(0, out);
}

void concat_from_sequence(Evaluation& ev) {
  const Elements& elements = *sequence(ev).elements;
  const Dims& out = ev.output().type.dims;
  const std::size_t axis = joined_axis(ev, elements.front()->type);
  const auto before = static_cast<std::size_t>(product(out, 0, axis));
  const auto row = static_cast<std::size_t>(product(out, axis, out.size()));
  if (before * row == 0) return;
  std::size_t to = 0;
  for (const ExpectedPtr& x : elements) {
    const std::size_t n = x->count() / before;
    for (std::size_t b = 0; b < before; ++b) copy_range(*x, b * n, ev.output(), b * row + to, n);
    to += n;
  }
}

constexpr OpSpec specs[] = {
    {.name = "SequenceEmpty", .since = 11, .infer = infer_sequence, .evaluate = sequence_empty},
    {.name = "SequenceConstruct", .since = 11, .infer = infer_sequence, .evaluate = sequence_construct},
    {.name = "SequenceInsert", .since = 11, .infer = infer_sequence, .evaluate = sequence_insert},
    {.name = "SequenceErase", .since = 11, .infer = infer_sequence, .evaluate = sequence_erase},
    {.name = "SequenceAt", .since = 11, .infer = infer_sequence_at, .evaluate = sequence_at},
    {.name = "SequenceLength", .since = 11, .infer = infer_sequence_length, .evaluate = sequence_length},
    {.name = "SplitToSequence", .since = 11, .infer = infer_sequence, .evaluate = split_to_sequence},
    {.name = "ConcatFromSequence",
     .since = 11,
     .infer = infer_concat_from_sequence,
     .evaluate = concat_from_sequence},
};

}  // namespace

namespace family {
extern constinit const Family sequences = specs;
}

}  // namespace mob::ops

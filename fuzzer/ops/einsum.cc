// Einsum: sums of products over labelled axes.
#include <set>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// Labels are characters; the axes of an ellipsis are the labels 0, 1, ... (control characters).
constexpr char kEllipsis = '.';

struct Plan {
  std::vector<std::string> terms;  // one label per axis of each operand
  std::string output;              // labels of the output's axes
  std::string summed;              // the other labels
  std::int64_t size[128] = {};     // of each label

  Dims dims(const std::string& labels) const {
    Dims d;
    for (char c : labels) d.push_back(size[static_cast<int>(c)]);
    return d;
  }
};

// Letters and at most one ellipsis, shortened to kEllipsis.
std::string term(std::string_view text) {
  std::string labels;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      labels += c;
    } else if (text.substr(i, 3) == "..." && labels.find(kEllipsis) == std::string::npos) {
      labels += kEllipsis;
      i += 2;
    } else {
      throw InvalidNode("the equation of Einsum has a character out of place");
    }
  }
  return labels;
}

// The ellipsis replaced by its labels.
std::string expanded(const std::string& labels, std::size_t ellipsis) {
  std::string result;
  for (char c : labels) {
    if (c != kEllipsis) result += c;
    if (c == kEllipsis)
      for (std::size_t i = 0; i < ellipsis; ++i) result += static_cast<char>(i);
  }
  return result;
}

// A label's size: in an ellipsis, 1 broadcasts.
void set_size(Plan& p, char label, std::int64_t size, bool first) {
  std::int64_t& known = p.size[static_cast<int>(label)];
  if (first || known == size) {
    known = size;
  } else if (known == 1 || size == 1) {
    if (label >= 'A') throw Unsupported("Einsum that broadcasts a letter");
    known = known == 1 ? size : known;
  } else {
    throw InvalidNode("a label of Einsum has two sizes");
  }
}

Plan plan(const Inference& inf) {
  std::string text = inf.node().string_or("equation", "");
  if (!inf.node().has("equation")) throw InvalidNode("Einsum has no equation");
  const std::size_t arrow = text.find("->");
  Plan p;
  std::size_t ellipsis = 0;
  bool has_ellipsis = false;
  const std::string left = text.substr(0, arrow);
  std::vector<std::string> terms;
  for (std::size_t at = 0; at <= left.size();) {
    const std::size_t comma = std::min(left.find(',', at), left.size());
    terms.push_back(term(std::string_view(left).substr(at, comma - at)));
    at = comma + 1;
  }
  if (terms.size() != inf.input_count())
    throw InvalidNode("Einsum has another number of terms than of inputs");
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].find(kEllipsis) == std::string::npos) continue;
    const auto rank = static_cast<std::size_t>(inf.rank(i)), letters = terms[i].size() - 1;
    if (rank < letters) throw InvalidNode("a term of Einsum does not fit the rank");
    if (has_ellipsis && rank - letters != ellipsis)
      throw InvalidNode("the ellipses of Einsum differ in rank");
    ellipsis = rank - letters;
    has_ellipsis = true;
  }
  if (ellipsis > 30) throw Unsupported("Einsum of so high a rank");
  std::set<char> seen, twice;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    p.terms.push_back(expanded(terms[i], ellipsis));
    const Dims& dims = inf.dims(i);
    if (p.terms[i].size() != dims.size()) throw InvalidNode("a term of Einsum does not fit the rank");
    for (std::size_t d = 0; d < dims.size(); ++d) {
      const bool first = seen.insert(p.terms[i][d]).second;
      set_size(p, p.terms[i][d], dims[d], first);
      if (!first) twice.insert(p.terms[i][d]);
    }
  }
  if (arrow != std::string::npos) {
    const std::string right = term(std::string_view(text).substr(arrow + 2));
    if (ellipsis > 0 && right.find(kEllipsis) == std::string::npos)
      throw Unsupported("Einsum that drops an ellipsis");
    p.output = expanded(right, ellipsis);
    for (std::size_t i = 0; i < p.output.size(); ++i)
      if (!seen.contains(p.output[i]) || p.output.find(p.output[i]) != i)
        throw InvalidNode("an output label of Einsum is unknown or repeated");
  } else {
    for (char c : seen)  // ascending: the ellipsis first, capitals before small letters
      if (c < 'A' || !twice.contains(c)) p.output += c;
  }
  for (char c : seen)
    if (p.output.find(c) == std::string::npos) p.summed += c;
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  inf.set_output(0, {inf.type(0).dtype, p.dims(p.output)});
}

// How far operand i moves per step of each of `labels` (a repeated label walks the diagonal).
Dims steps(const Inference& inf, const Plan& p, std::size_t i, const std::string& labels) {
  const Dims own = strides(inf.dims(i));
  Dims result(labels.size(), 0);
  for (std::size_t d = 0; d < own.size(); ++d)
    if (const auto at = labels.find(p.terms[i][d]); at != std::string::npos && inf.dims(i)[d] != 1)
      result[at] += own[d];
  return result;
}

// Calls begin(), then term(offsets of the operands) for every summed index, then end(output offset).
template <class Begin, class Term, class End>
void contract(const Inference& inf, const Plan& p, Begin begin, Term term, End end) {
  const Dims outer = p.dims(p.output), inner = p.dims(p.summed);
  const std::size_t n = p.terms.size();
  long double work = 1;
  for (std::int64_t s : outer) work *= static_cast<long double>(s);
  for (std::int64_t s : inner) work *= static_cast<long double>(s);
  if (work > 0x1p31L) throw Unsupported("Einsum is too large");
  std::vector<Dims> outer_steps, inner_steps;
  for (std::size_t i = 0; i < n; ++i) {
    outer_steps.push_back(steps(inf, p, i, p.output));
    inner_steps.push_back(steps(inf, p, i, p.summed));
  }
  std::vector<std::size_t> base(n), at(n);
  const auto offset = [n](const std::vector<Dims>& step, const Dims& index, std::vector<std::size_t>& to) {
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t d = 0; d < index.size(); ++d) to[i] += static_cast<std::size_t>(index[d] * step[i][d]);
  };
  std::size_t o = 0;
  for_each_index(outer, [&](const Dims& index) {
    std::fill(base.begin(), base.end(), 0);
    offset(outer_steps, index, base);
    begin();
    for_each_index(inner, [&](const Dims& k) {
      at = base;
      offset(inner_steps, k, at);
      term(static_cast<const std::vector<std::size_t>&>(at));
    });
    end(o++);
  });
}

void evaluate_ints(Evaluation& ev, const Plan& p) {
  Ints& y = ev.out_ints();
  const DType t = ev.output().type.dtype;
  std::uint64_t total = 0;
  bool open = false;
  contract(
      ev, p, [&] { total = 0, open = false; },
      [&](const std::vector<std::size_t>& at) {
        std::uint64_t x = 1;
        for (std::size_t i = 0; i < at.size(); ++i) {
          x *= static_cast<std::uint64_t>(ev.input_ints(i).v[at[i]]);
          open = open || ev.input_ints(i).bound(at[i]) != 0;
        }
        total += x;
      },
      [&](std::size_t o) {
        y.v[o] = wrap(t, static_cast<std::int64_t>(total));
        if (open) y.set_bound(o, Ints::kOpen);
      });
}

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  if (ev.output().holds_ints()) {
    evaluate_ints(ev, p);
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    std::vector<const Reals<R>*> x;
    for (std::size_t i = 0; i < ev.input_count(); ++i) x.push_back(&ev.reals<R>(i));
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    // Nothing to calculate: a transposition or a diagonal.
    const bool moves = x.size() == 1 && element_count(p.dims(p.summed)) == 1;
    Sum<R> sum;
    Approx<R> product;
    contract(
        ev, p, [&] { sum = {}; },
        [&](const std::vector<std::size_t>& at) {
          product = (*x[0])[at[0]];
          for (std::size_t i = 1; i < at.size(); ++i) product = product * (*x[i])[at[i]];
          sum.add(product);
        },
        [&](std::size_t o) {
          y.set(o, moves ? product : rounding.add(sum.result(rounding, static_cast<R>(x.size() - 1))));
        });
  });
}

// A random equation: letters shared between the operands, sometimes an ellipsis or a diagonal.
bool draft(Draft& d) {
  Rng& rng = d.rng();
  // In implicit mode, ONNX Runtime takes no capitals.
  const bool is_explicit = rng.chance(0.8);
  const auto order = rng.permutation(is_explicit ? 52 : 26);
  const auto letter = [&](std::size_t i) {
    return static_cast<char>(order[i] < 26 ? 'a' + order[i] : 'A' + order[i] - 26);
  };
  Dims sizes;  // of letter(0), letter(1), ...
  std::int64_t work = 1;
  const auto fresh = [&](std::int64_t size) {
    work *= std::max<std::int64_t>(size, 1);
    sizes.push_back(size);
    return letter(sizes.size() - 1);
  };
  const DTypeSet types = drawable(d, "T", kNumbers);
  const ArrayType x = d.input({.types = types, .min_rank = 1, .max_rank = 4});
  const auto dotted =
      static_cast<std::size_t>(rng.chance(0.25) ? rng.range(0, static_cast<std::int64_t>(x.rank())) : -1);
  const bool has_ellipsis = dotted <= x.rank();
  Dims ellipsis;
  std::string equation;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (has_ellipsis && i < dotted) {
      ellipsis.push_back(x.dims[i]);
      continue;
    }
    const bool diagonal = i > 0 && !equation.empty() && sizes.back() == x.dims[i] && rng.chance(0.1);
    equation += diagonal ? letter(sizes.size() - 1) : fresh(x.dims[i]);
  }
  if (has_ellipsis) equation.insert(0, "...");
  const double counts[] = {0.3, 0.55, 0.15};
  for (std::size_t more = rng.weighted(counts); more > 0; --more) {
    Dims dims;
    std::string labels;
    if (has_ellipsis && rng.chance(0.7)) {
      labels = "...";
      for (std::int64_t size : ellipsis) dims.push_back(rng.chance(0.15) ? 1 : size);
    }
    for (std::int64_t n = rng.range(labels.empty() ? 1 : 0, 3); n > 0; --n) {
      const std::size_t known = sizes.empty() ? 0 : rng.below(sizes.size());
      const bool reuse = !sizes.empty() && (rng.chance(0.65) || work > 2000);
      if (reuse && labels.find(letter(known)) != std::string::npos) continue;
      dims.push_back(reuse ? sizes[known] : d.size());
      labels += reuse ? letter(known) : fresh(dims.back());
    }
    if (labels.empty()) {
      dims.push_back(d.size());
      labels += fresh(dims.back());
    }
    d.input({.types = x.dtype, .dims = dims, .role = Role::kWeight});
    equation += (rng.chance(0.1) ? ", " : ",") + labels;
  }
  if (is_explicit) {
    std::string out;
    for (const std::int64_t i : rng.permutation(sizes.size()))
      if (rng.chance(0.65)) out += letter(static_cast<std::size_t>(i));
    if (has_ellipsis) out.insert(rng.chance(0.8) ? 0 : rng.below(out.size() + 1), "...");
    equation += (rng.chance(0.1) ? " -> " : "->") + out;
  }
  d.attribute("equation", equation);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Einsum", .since = 12, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family einsum = specs;
}

}  // namespace mob::ops

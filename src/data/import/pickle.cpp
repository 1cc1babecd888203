#include "data/import/pickle.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "core/error.h"

namespace qrun {

using Kind = PickleValue::Kind;

/// The machine that a pickle is a program for: a stack of values and a memo.
class PickleReader {
 public:
  PickleReader(std::span<const std::uint8_t> bytes, Pickle& pickle) : bytes_(bytes), all_(pickle.all_) {}

  const PickleValue* run() {
    while (true) {
      const std::uint8_t code = take(1)[0];
      if (code == '.') return pop();
      if (!framing(code) && !constant(code) && !collection(code) && !call(code)) refuse(code);
    }
  }

 private:
  [[noreturn]] static void refuse(std::uint8_t code) {
    char text[8];
    std::snprintf(text, sizeof text, "0x%02x", code);
    throw Error(std::string("pickle opcode ") + text + ", which no batch of CIFAR has");
  }

  std::span<const std::uint8_t> take(std::uint64_t count) {
    if (count > bytes_.size() - at_) throw Error("the pickle ends too early");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  std::uint64_t take_number(std::size_t bytes) {  // little-endian
    const auto taken = take(bytes);
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < bytes; ++i) number |= std::uint64_t{taken[i]} << 8 * i;
    return number;
  }
  std::string take_line() {
    const auto rest = bytes_.subspan(at_);
    const auto end = std::ranges::find(rest, '\n');
    if (end == rest.end()) throw Error("the pickle ends too early");
    const auto line = take(static_cast<std::size_t>(end - rest.begin()) + 1);
    return {line.begin(), line.end() - 1};
  }

  PickleValue& push(Kind kind, std::int64_t number = 0) {
    stack_.push_back(&all_.emplace_back(PickleValue{kind, number, {}, {}}));
    return *stack_.back();
  }
  void push_text(Kind kind, std::size_t size_bytes) {
    const auto text = take(take_number(size_bytes));
    push(kind).text.assign(text.begin(), text.end());
  }
  PickleValue* pop() {
    if (stack_.empty()) throw Error("a pickle that takes what it has not put there");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue& top(Kind kind) {
    if (stack_.empty() || stack_.back()->kind != kind) throw Error("a pickle that adds to what holds nothing");
    return *stack_.back();
  }
  std::vector<const PickleValue*> pop_some(std::size_t count) {
    if (stack_.size() < count) throw Error("a pickle that takes what it has not put there");
    std::vector<const PickleValue*> some(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return some;
  }
  std::vector<const PickleValue*> pop_to_mark() {
    const auto mark = std::ranges::find(stack_.rbegin(), stack_.rend(), Kind::kMark, &PickleValue::kind);
    if (mark == stack_.rend()) throw Error("a pickle without the mark that it asks for");
    std::vector<const PickleValue*> some = pop_some(static_cast<std::size_t>(mark - stack_.rbegin()));
    pop();
    return some;
  }
  void push_sequence(std::vector<const PickleValue*> items) { push(Kind::kSequence).items = std::move(items); }
  void add(Kind kind, const std::vector<const PickleValue*>& items) {
    PickleValue& to = top(kind);
    to.items.insert(to.items.end(), items.begin(), items.end());
  }
  void keep(std::uint64_t index) {
    if (stack_.empty()) throw Error("a pickle that keeps what it has not put there");
    memo_[index] = stack_.back();
  }
  void recall(std::uint64_t index) {
    const auto kept = memo_.find(index);
    if (kept == memo_.end()) throw Error("a pickle that asks for what it has not kept");
    stack_.push_back(kept->second);
  }

  bool framing(std::uint8_t code) {
    switch (code) {
      case 0x80: return take(1), true;                // PROTO
      case 0x95: return take(8), true;                // FRAME
      case 'q': return keep(take_number(1)), true;    // BINPUT
      case 'r': return keep(take_number(4)), true;    // LONG_BINPUT
      case 0x94: return keep(memo_.size()), true;     // MEMOIZE
      case 'h': return recall(take_number(1)), true;  // BINGET
      case 'j': return recall(take_number(4)), true;  // LONG_BINGET
      default: return false;
    }
  }
  bool constant(std::uint8_t code) {
    switch (code) {
      case 'N': return push(Kind::kNone), true;
      case 0x88: return push(Kind::kNumber, 1), true;
      case 0x89: return push(Kind::kNumber, 0), true;
      case 'K': return push(Kind::kNumber, static_cast<std::int64_t>(take_number(1))), true;
      case 'M': return push(Kind::kNumber, static_cast<std::int64_t>(take_number(2))), true;
      case 'J': return push(Kind::kNumber, static_cast<std::int32_t>(take_number(4))), true;
      // Texts, str of either Python; bytes; each by the bytes of its length.
      case 'U':   // SHORT_BINSTRING
      case 0x8c:  // SHORT_BINUNICODE
        return push_text(Kind::kText, 1), true;
      case 'T':  // BINSTRING
      case 'X':  // BINUNICODE
        return push_text(Kind::kText, 4), true;
      case 0x8d:  // BINUNICODE8
        return push_text(Kind::kText, 8), true;
      case 'C':  // SHORT_BINBYTES
        return push_text(Kind::kBytes, 1), true;
      case 'B':  // BINBYTES
        return push_text(Kind::kBytes, 4), true;
      case 0x8e:  // BINBYTES8
      case 0x96:  // BYTEARRAY8
        return push_text(Kind::kBytes, 8), true;
      default: return false;
    }
  }
  bool collection(std::uint8_t code) {
    switch (code) {
      case '(': return push(Kind::kMark), true;
      case ')':
      case ']': return push(Kind::kSequence), true;
      case '}': return push(Kind::kMap), true;
      case 0x85: return push_sequence(pop_some(1)), true;
      case 0x86: return push_sequence(pop_some(2)), true;
      case 0x87: return push_sequence(pop_some(3)), true;
      case 't':
      case 'l': return push_sequence(pop_to_mark()), true;
      case 'a': return add(Kind::kSequence, pop_some(1)), true;
      case 'e': return add(Kind::kSequence, pop_to_mark()), true;
      case 's': return add(Kind::kMap, pop_some(2)), true;
      case 'u': return add(Kind::kMap, pop_to_mark()), true;
      default: return false;
    }
  }
  bool call(std::uint8_t code) {
    switch (code) {
      case 'c': {  // GLOBAL
        const std::string module = take_line();
        push(Kind::kName).text = module + "." + take_line();
        return true;
      }
      case 0x93: {  // STACK_GLOBAL
        const auto names = pop_some(2);
        push(Kind::kName).text = names[0]->text + "." + names[1]->text;
        return true;
      }
      case 'R': {  // REDUCE: what, arguments
        const auto called = pop_some(2);
        push(Kind::kCall).items = called;
        return true;
      }
      case 'b': return add(Kind::kCall, pop_state()), true;  // BUILD
      default: return false;
    }
  }
  std::vector<const PickleValue*> pop_state() {
    std::vector<const PickleValue*> state = pop_some(1);
    if (top(Kind::kCall).items.size() != 2) throw Error("a pickle that gives a value a second state");
    return state;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  std::deque<PickleValue>& all_;
  std::vector<PickleValue*> stack_;
  std::map<std::uint64_t, PickleValue*> memo_;
};

Pickle::Pickle(std::span<const std::uint8_t> bytes) : value_(PickleReader(bytes, *this).run()) {}

}  // namespace qrun

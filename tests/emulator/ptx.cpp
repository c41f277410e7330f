#include "ptx.h"

#include <bit>
#include <cctype>
#include <cstring>
#include <unordered_map>

namespace emulator::ptx {
namespace {

struct TypeRow {
  std::string_view name;
  Type type;
  int size;
};
constexpr TypeRow kTypes[] = {
    {"pred", Type::kPred, 0},     {"b8", Type::kB8, 1},         {"b16", Type::kB16, 2},   {"b32", Type::kB32, 4},
    {"b64", Type::kB64, 8},       {"b128", Type::kB128, 16},    {"u8", Type::kU8, 1},     {"u16", Type::kU16, 2},
    {"u32", Type::kU32, 4},       {"u64", Type::kU64, 8},       {"s8", Type::kS8, 1},     {"s16", Type::kS16, 2},
    {"s32", Type::kS32, 4},       {"s64", Type::kS64, 8},       {"f16", Type::kF16, 2},   {"f16x2", Type::kF16x2, 4},
    {"bf16", Type::kBf16, 2},     {"bf16x2", Type::kBf16x2, 4}, {"f32", Type::kF32, 4},   {"f64", Type::kF64, 8},
    {"e4m3x2", Type::kE4m3x2, 2}, {"e5m2x2", Type::kE5m2x2, 2}, {"tf32", Type::kTf32, 4},
};

bool IsNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%';
}
bool IsNamePart(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$';
}

struct Token {
  enum Kind { kEnd, kName, kInteger, kFloat, kDouble, kString, kPunctuation };
  Kind kind = kEnd;
  std::string_view text;
  uint64_t bits = 0;
  int line = 0;
  size_t begin = 0, end = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> Run() {
    std::vector<Token> tokens;
    while (true) {
      SkipBlanks();
      Token token;
      token.line = line_;
      token.begin = at_;
      if (at_ >= text_.size() || text_[at_] == '\0') {
        token.end = at_;
        tokens.push_back(token);
        return tokens;
      }
      Next(token);
      token.end = at_;
      token.text = text_.substr(token.begin, at_ - token.begin);
      tokens.push_back(token);
    }
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void SkipBlanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '/' && Peek(1) == '/') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == '/' && Peek(1) == '*') {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) throw Error("line " + std::to_string(line_) + ": a comment without an end");
        for (; at_ < end + 2; ++at_) line_ += text_[at_] == '\n';
      } else {
        return;
      }
    }
  }

  void Next(Token& token) {
    const char c = Peek();
    if (IsNameStart(c)) {
      token.kind = Token::kName;
      ++at_;
      while (IsNamePart(Peek())) ++at_;
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      Number(token);
    } else if (c == '"') {
      token.kind = Token::kString;
      const size_t end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos) throw Error("line " + std::to_string(line_) + ": a string without an end");
      at_ = end + 1;
    } else {
      token.kind = Token::kPunctuation;
      ++at_;
      if (c == ':' && Peek() == ':') ++at_;
    }
  }

  void Number(Token& token) {
    token.kind = Token::kInteger;
    int base = 10;
    if (Peek() == '0' && (Peek(1) == 'f' || Peek(1) == 'F' || Peek(1) == 'd' || Peek(1) == 'D')) {
      token.kind = std::tolower(Peek(1)) == 'f' ? Token::kFloat : Token::kDouble;
      base = 16;
      at_ += 2;
    } else if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X')) {
      base = 16;
      at_ += 2;
    } else if (Peek() == '0' && (Peek(1) == 'b' || Peek(1) == 'B')) {
      base = 2;
      at_ += 2;
    } else if (Peek() == '0') {
      base = 8;
    }
    const size_t begin = at_;
    while (std::isxdigit(static_cast<unsigned char>(Peek()))) {
      const char c = static_cast<char>(std::tolower(Peek()));
      token.bits = token.bits * base + (c <= '9' ? c - '0' : c - 'a' + 10);
      ++at_;
    }
    // A decimal fraction: 1.5, 2.0e-3.
    if (base == 10 || (base == 8 && at_ == begin + 1)) {
      if (Peek() == '.' && std::isdigit(static_cast<unsigned char>(Peek(1)))) {
        ++at_;
        while (std::isdigit(static_cast<unsigned char>(Peek())) || Peek() == 'e' || Peek() == 'E' ||
               ((Peek() == '-' || Peek() == '+') && std::tolower(text_[at_ - 1]) == 'e')) {
          ++at_;
        }
        token.kind = Token::kDouble;
        token.bits = std::bit_cast<uint64_t>(std::stod(std::string(text_.substr(begin, at_ - begin))));
      }
    }
    if (Peek() == 'U' || Peek() == 'u') ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
};

struct Scope {
  struct Registers {
    uint32_t first = 0, count = 0;  // count 0: one register of exactly this name
  };
  std::unordered_map<std::string, Registers> registers;
  std::unordered_map<std::string, uint32_t> labels;
  std::unordered_map<std::string, const Variable*> variables;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), tokens_(Lexer(text).Run()) {}

  std::unique_ptr<Module> Run() {
    module_ = std::make_unique<Module>();
    scopes_.emplace_back();
    while (Here().kind != Token::kEnd) ReadTopLevel();
    return std::move(module_);
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw Error("line " + std::to_string(Here().line) + ": " + what + " at '" + std::string(Here().text) + "'");
  }
  const Token& Here(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool Is(std::string_view text, size_t ahead = 0) const { return Here(ahead).text == text; }
  bool Take(std::string_view text) {
    if (!Is(text)) return false;
    ++at_;
    return true;
  }
  void Expect(std::string_view text) {
    if (!Take(text)) Fail("expected '" + std::string(text) + "'");
  }
  std::string Name() {
    if (Here().kind != Token::kName) Fail("expected a name");
    return std::string(tokens_[at_++].text);
  }
  int64_t Integer() {
    const bool minus = Take("-");
    if (Here().kind != Token::kInteger) Fail("expected an integer");
    const auto bits = static_cast<int64_t>(tokens_[at_++].bits);
    return minus ? -bits : bits;
  }
  // A directive: the name after a dot, or nothing.
  std::string_view Directive() const {
    return Is(".") && Here(1).kind == Token::kName ? Here(1).text : std::string_view();
  }
  void SkipLine() {
    const int line = Here().line;
    while (Here().kind != Token::kEnd && Here().line == line) ++at_;
  }
  void SkipBraces() {
    Expect("{");
    for (int depth = 1; depth;) {
      if (Here().kind == Token::kEnd) Fail("a brace without an end");
      if (Is("{")) ++depth;
      if (Is("}")) --depth;
      ++at_;
    }
  }

  void ReadTopLevel() {
    const std::string_view directive = Directive();
    if (directive == "version" || directive == "target" || directive == "address_size" || directive == "file" ||
        directive == "loc" || directive == "pragma") {
      SkipLine();
    } else if (directive == "section") {
      while (!Is("{")) ++at_;
      SkipBraces();
    } else if (directive == "visible" || directive == "extern" || directive == "weak" || directive == "common") {
      external_ = directive == "extern";
      at_ += 2;
    } else if (directive == "entry" || directive == "func") {
      ReadFunction(directive == "entry");
      external_ = false;
    } else if (directive == "global" || directive == "const" || directive == "shared") {
      ReadVariables(module_->variables);
      external_ = false;
    } else if (Is(";")) {
      ++at_;
    } else {
      Fail("unknown directive");
    }
  }

  static Space SpaceOf(std::string_view name) {
    if (name == "global") return Space::kGlobal;
    if (name == "const") return Space::kConst;
    if (name == "shared") return Space::kShared;
    if (name == "local") return Space::kLocal;
    return Space::kParam;
  }

  // `.shared .align 8 .b8 name[16] = {...}, other;`
  void ReadVariables(std::vector<std::unique_ptr<Variable>>& into) {
    ++at_;
    const Space space = SpaceOf(Name());
    bool first = true;
    do {
      into.push_back(ReadVariable(space, first));
      scopes_.back().variables[into.back()->name] = into.back().get();
      first = false;
    } while (Take(","));
    Expect(";");
  }

  // `.align 8 .b8 name[16] = {...}` after the space. For a parameter also `.ptr .global .align 4`.
  std::unique_ptr<Variable> ReadVariable(Space space, bool read_type = true) {
    auto variable = std::make_unique<Variable>();
    variable->space = space;
    variable->external = external_;
    int elements = 1;
    uint32_t alignment = 0;
    Type type = last_type_;
    if (read_type) type = Type::kNone;
    while (read_type && Is(".")) {
      ++at_;
      const std::string word = Name();
      if (word == "align") {
        alignment = static_cast<uint32_t>(Integer());
      } else if (word == "v2" || word == "v4") {
        elements = word[1] - '0';
      } else if (TypeOf(word) != Type::kNone) {
        type = TypeOf(word);
      } else if (word != "ptr" && word != "global" && word != "const" && word != "shared" && word != "local" &&
                 word != "managed" && word != "attribute") {
        Fail("unknown word ." + word + " of a variable");
      }
    }
    if (type == Type::kNone) Fail("a variable without a type");
    last_type_ = type;
    variable->name = Name();
    uint64_t count = elements;
    bool open = false, array = false;
    while (Take("[")) {
      array = true;
      if (Is("]")) {
        open = true;
      } else {
        count *= static_cast<uint64_t>(Integer());
      }
      Expect("]");
    }
    const uint64_t size = SizeOf(type);
    variable->alignment = alignment ? alignment : static_cast<uint32_t>(size * elements);
    if (Take("=")) {
      ReadInitial(*variable, type, array || elements > 1);
      if (open) count = variable->initial.size() / size;
    } else if (open) {
      count = 0;
    }
    variable->size = count * size;
    if (!variable->initial.empty()) variable->initial.resize(variable->size);
    return variable;
  }

  void ReadInitial(Variable& variable, Type type, bool list) {
    const size_t size = SizeOf(type);
    if (list && Take("{")) {
      if (!Is("}")) {
        do {
          ReadInitial(variable, type, true);
        } while (Take(","));
      }
      Expect("}");
      return;
    }
    uint64_t bits = 0;
    if (Here().kind == Token::kString) {
      for (const char c : Here().text.substr(1, Here().text.size() - 2)) variable.initial.push_back(std::byte(c));
      ++at_;
      return;
    }
    if (Here().kind == Token::kName) {
      std::string target = Name();
      if (target == "generic") {
        Expect("(");
        target = Name();
        Expect(")");
      }
      int64_t addend = 0;
      if (Is("+") || Is("-")) {
        const bool minus = Is("-");
        ++at_;
        addend = minus ? -Integer() : Integer();
      }
      variable.relocations.push_back({variable.initial.size(), target, addend});
    } else {
      const bool minus = Take("-");
      const Token token = Here();
      if (token.kind != Token::kInteger && token.kind != Token::kFloat && token.kind != Token::kDouble) {
        Fail("expected a value");
      }
      ++at_;
      bits = token.bits;
      if (token.kind == Token::kDouble && type == Type::kF32) {
        bits = std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
      }
      if (minus) bits = token.kind == Token::kInteger ? 0 - bits : bits ^ uint64_t { 1 } << (size * 8 - 1);
    }
    const size_t at = variable.initial.size();
    variable.initial.resize(at + size);
    std::memcpy(variable.initial.data() + at, &bits, std::min<size_t>(size, 8));
  }

  void ReadParameters(std::vector<std::unique_ptr<Variable>>& into) {
    Expect("(");
    uint64_t offset = 0;
    while (!Is(")")) {
      Expect(".");
      const std::string space = Name();
      if (space == "reg") {
        // A register parameter of an ABI-less function: not something that nvcc writes.
        Fail("register parameters are not supported");
      }
      auto variable = ReadVariable(Space::kParam);
      offset = (offset + variable->alignment - 1) / variable->alignment * variable->alignment;
      variable->offset = offset;
      offset += variable->size;
      scopes_.back().variables[variable->name] = variable.get();
      into.push_back(std::move(variable));
      Take(",");
    }
    Expect(")");
  }

  Dim3 ReadDim3() {
    Dim3 dim;
    dim.x = static_cast<uint32_t>(Integer());
    if (Take(",")) dim.y = static_cast<uint32_t>(Integer());
    if (Take(",")) dim.z = static_cast<uint32_t>(Integer());
    return dim;
  }

  void ReadFunction(bool entry) {
    at_ += 2;
    auto owned = std::make_unique<Function>();
    Function& function = *owned;
    function.entry = entry;
    function_ = &function;
    scopes_.emplace_back();
    external_ = false;
    if (Is("(")) ReadParameters(function.results);
    function.name = Name();
    if (Is("(")) ReadParameters(function.parameters);
    while (!Is("{") && !Is(";")) {
      const std::string_view directive = Directive();
      if (directive.empty()) Fail("expected a directive of a function");
      at_ += 2;
      if (directive == "maxntid") {
        function.max_threads = ReadDim3();
      } else if (directive == "reqntid") {
        function.required_threads = ReadDim3();
      } else if (directive == "reqnctapercluster") {
        function.required_cluster = ReadDim3();
      } else if (directive == "minnctapersm" || directive == "maxnreg" || directive == "maxclusterrank" ||
                 directive == "maxnctapersm") {
        Integer();
      } else if (directive == "pragma") {
        SkipLine();
      } else if (directive != "explicitcluster" && directive != "noreturn") {
        Fail("unknown directive ." + std::string(directive));
      }
    }
    if (Take("{")) {
      function.defined = true;
      DeclareLabels();
      ReadBody();
    } else {
      Expect(";");
    }
    // A declaration's names are its own; a definition follows under the same name.
    scopes_.pop_back();
    function_ = nullptr;
    std::erase_if(module_->functions,
                  [&](const auto& other) { return other->name == function.name && !other->defined; });
    module_->functions.push_back(std::move(owned));
  }

  // Up to the closing brace of this scope.
  void ReadBody() {
    while (!Take("}")) {
      if (Here().kind == Token::kEnd) Fail("a function without an end");
      ReadStatement();
    }
    for (const auto& [name, index] : scopes_.back().labels) {
      if (function_->labels[index] < 0 && !function_->branch_targets.contains(index)) {
        throw Error("function " + function_->name + ": label " + name + " is nowhere");
      }
    }
  }

  void ReadStatement() {
    if (Take("{")) {
      scopes_.emplace_back();
      DeclareLabels();
      ReadBody();
      scopes_.pop_back();
      return;
    }
    const std::string_view directive = Directive();
    if (directive == "reg") {
      ReadRegisters();
    } else if (directive == "shared" || directive == "local" || directive == "param") {
      ReadVariables(function_->variables);
    } else if (directive == "loc" || directive == "file" || directive == "pragma") {
      SkipLine();
    } else if (!directive.empty()) {
      Fail("unknown directive");
    } else if (Here().kind == Token::kName && Is(":", 1)) {
      const uint32_t label = scopes_.back().labels.at(std::string(Here().text));
      at_ += 2;
      if (Directive() == "branchtargets") {
        at_ += 2;
        auto& targets = function_->branch_targets[label];
        do {
          targets.push_back(FindLabel(Name()));
        } while (Take(","));
        Expect(";");
      } else if (Directive() == "callprototype" || Directive() == "calltargets") {
        Fail("indirect calls are not supported");
      } else {
        function_->labels[label] = static_cast<int>(function_->instructions.size());
      }
    } else if (!Take(";")) {
      ReadInstruction();
    }
  }

  // Declares the labels of the scope that begins here, so that a branch forward finds its own scope's.
  void DeclareLabels() {
    int depth = 0;
    for (size_t i = at_; i + 1 < tokens_.size(); ++i) {
      if (tokens_[i].text == "{") ++depth;
      if (tokens_[i].text == "}" && depth-- == 0) return;
      if (depth == 0 && tokens_[i].kind == Token::kName && tokens_[i + 1].text == ":") {
        scopes_.back().labels[std::string(tokens_[i].text)] = static_cast<uint32_t>(function_->labels.size());
        function_->labels.push_back(-1);
      }
    }
  }

  uint32_t FindLabel(const std::string& name) const {
    for (size_t i = scopes_.size(); i--;) {
      if (const auto found = scopes_[i].labels.find(name); found != scopes_[i].labels.end()) return found->second;
    }
    Fail("unknown label " + name);
  }

  void ReadRegisters() {
    at_ += 2;
    Expect(".");
    const Type type = TypeOf(Name());
    if (type == Type::kNone) Fail("unknown register type");
    do {
      const std::string name = Name();
      const auto first = static_cast<uint32_t>(function_->registers.size());
      uint32_t count = 0;
      if (Take("<")) {
        count = static_cast<uint32_t>(Integer());
        Expect(">");
      }
      scopes_.back().registers[name] = {first, count};
      for (uint32_t i = 0; i < std::max(count, 1u); ++i) {
        function_->registers.push_back(type);
        function_->register_names.push_back(count ? name + std::to_string(i) : name);
      }
    } while (Take(","));
    Expect(";");
  }

  bool FindRegister(const std::string& name, uint32_t* index) const {
    size_t digits = name.size();
    while (digits > 1 && std::isdigit(static_cast<unsigned char>(name[digits - 1]))) --digits;
    const std::string prefix = name.substr(0, digits);
    for (size_t i = scopes_.size(); i--;) {
      const auto& registers = scopes_[i].registers;
      if (const auto found = registers.find(name); found != registers.end() && found->second.count == 0) {
        *index = found->second.first;
        return true;
      }
      if (digits == name.size()) continue;
      if (const auto found = registers.find(prefix); found != registers.end() && found->second.count) {
        const auto number = static_cast<uint32_t>(std::stoul(name.substr(digits)));
        if (number < found->second.count) {
          *index = found->second.first + number;
          return true;
        }
      }
    }
    return false;
  }

  void ReadInstruction() {
    Instruction instruction;
    instruction.line = Here().line;
    const size_t begin = Here().begin;
    if (Take("@")) {
      instruction.guard_negated = Take("!");
      uint32_t index = 0;
      const std::string name = Name();
      if (!FindRegister(name, &index)) Fail("unknown predicate " + name);
      instruction.guard = static_cast<int>(index);
    }
    instruction.parts.push_back(Name());
    while (Is(".") || Is("::")) {
      const bool joined = Is("::");
      ++at_;
      // Words such as 2d begin with a digit.
      const size_t word = Here().begin;
      size_t end = Here().end;
      ++at_;
      while (Here().begin == end && (Here().kind == Token::kName || Here().kind == Token::kInteger)) {
        end = Here().end;
        ++at_;
      }
      const std::string text(text_.substr(word, end - word));
      if (joined) {
        instruction.parts.back() += "::" + text;
      } else {
        instruction.parts.push_back(text);
      }
    }
    const bool call = instruction.parts[0] == "call";
    while (!Is(";")) {
      instruction.operands.push_back(ReadOperand(call));
      if (!Take(",")) break;
    }
    instruction.text = std::string(text_.substr(begin, Here().begin - begin));
    for (char& c : instruction.text) {
      if (c == '\t' || c == '\n') c = ' ';
    }
    Expect(";");
    function_->instructions.push_back(std::move(instruction));
  }

  Operand ReadOperand(bool call) {
    Operand operand;
    if (Take("{")) {
      operand.kind = Operand::Kind::kVector;
      while (!Is("}")) {
        operand.elements.push_back(ReadOperand(false));
        Take(",");
      }
      Expect("}");
      return operand;
    }
    if (Take("(")) {
      operand.kind = Operand::Kind::kList;
      while (!Is(")")) {
        operand.elements.push_back(ReadOperand(false));
        Take(",");
      }
      Expect(")");
      return operand;
    }
    if (Take("[")) {
      operand.kind = Operand::Kind::kAddress;
      operand.elements.push_back(ReadOperand(false));
      operand.bits = operand.elements[0].bits;
      while (Is("+") || Is("-")) {
        const bool minus = Is("-");
        ++at_;
        const int64_t value = Integer();
        operand.bits += static_cast<uint64_t>(minus ? -value : value);
      }
      while (Take(",")) operand.elements.push_back(ReadOperand(false));
      Expect("]");
      return operand;
    }
    if (Take("!")) {
      operand = ReadOperand(false);
      operand.negated = true;
      return operand;
    }
    const bool minus = Take("-");
    const Token& token = Here();
    if (token.kind == Token::kInteger) {
      ++at_;
      operand.kind = Operand::Kind::kInteger;
      operand.bits = minus ? 0 - token.bits : token.bits;
      return operand;
    }
    if (token.kind == Token::kFloat || token.kind == Token::kDouble) {
      ++at_;
      operand.kind = Operand::Kind::kFloat;
      operand.wide = token.kind == Token::kDouble;
      operand.bits = minus ? token.bits ^ uint64_t { 1 } << (operand.wide ? 63 : 31) : token.bits;
      return operand;
    }
    if (minus) Fail("expected a number");
    const std::string name = Name();
    if (name == "_") return operand;
    if (FindRegister(name, &operand.index)) {
      operand.kind = Operand::Kind::kRegister;
      // %v.x: vector registers are not something that nvcc writes.
    } else if (name[0] == '%') {
      operand.kind = Operand::Kind::kSpecial;
      operand.name = name;
      if (Take(".")) operand.name += "." + Name();
    } else if (FindVariable(name, &operand.variable)) {
      operand.kind = Operand::Kind::kVariable;
    } else if (HasLabel(name)) {
      operand.kind = Operand::Kind::kLabel;
      operand.index = FindLabel(name);
    } else if (call || IsFunction(name)) {
      operand.kind = Operand::Kind::kFunction;
      operand.name = name;
    } else {
      Fail("unknown name " + name);
    }
    if (operand.kind == Operand::Kind::kVariable && (Is("+") || Is("-")) && Here(1).kind == Token::kInteger) {
      const bool negative = Is("-");
      ++at_;
      operand.bits = static_cast<uint64_t>(negative ? -Integer() : Integer());
    }
    if (Take("|")) {
      Operand pair;
      pair.kind = Operand::Kind::kPair;
      pair.elements.push_back(std::move(operand));
      pair.elements.push_back(ReadOperand(false));
      return pair;
    }
    return operand;
  }

  bool FindVariable(const std::string& name, const Variable** variable) const {
    for (size_t i = scopes_.size(); i--;) {
      if (const auto found = scopes_[i].variables.find(name); found != scopes_[i].variables.end()) {
        *variable = found->second;
        return true;
      }
    }
    return false;
  }
  bool HasLabel(const std::string& name) const {
    for (const auto& scope : scopes_) {
      if (scope.labels.contains(name)) return true;
    }
    return false;
  }
  bool IsFunction(const std::string& name) const {
    for (const auto& function : module_->functions) {
      if (function->name == name) return true;
    }
    return false;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::unique_ptr<Module> module_;
  Function* function_ = nullptr;
  std::vector<Scope> scopes_;
  bool external_ = false;
  Type last_type_ = Type::kNone;
};

}  // namespace

int SizeOf(Type type) {
  for (const auto& row : kTypes) {
    if (row.type == type) return row.size;
  }
  return 0;
}

Type TypeOf(std::string_view name) {
  for (const auto& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return Type::kNone;
}

std::unique_ptr<Module> Read(std::string_view text) {
  return Reader(text).Run();
}

}  // namespace emulator::ptx

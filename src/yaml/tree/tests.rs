use super::*;

#[test]
fn plain_scalars_keep_their_text() {
    let node = Node::parse("a: [017, N, 0.10, '1', ~]", "t").expect("valid");
    let Value::Sequence(items) = &node.get("a").expect("a").value.value else { unreachable!() };
    let texts: Vec<_> = items.iter().map(|i| i.text()).collect();
    assert_eq!(texts, [Some("017"), Some("N"), Some("0.10"), Some("1"), None]);
    assert_eq!(items[1].at, Position { line: 1, column: 10, end_line: 1, end_column: 11, ..Position::default() });
}

#[test]
fn everything_knows_where_it_ends() {
    let text =
        "rules:\n  - missing:\n      column: größe\n      by: [a, \"b c\"]\n  # a comment\n  - rows\nknown:\nlast: >\n  two\n  lines\n";
    let node = Node::parse(text, "t").expect("valid");
    let ends = |at: Position| (at.line, at.column, at.end_line, at.end_column);
    let rules = node.get("rules").expect("rules");
    assert_eq!(ends(rules.key_at), (1, 1, 1, 6));
    let Value::Sequence(items) = &rules.value.value else { unreachable!() };
    assert_eq!(ends(items[0].at), (2, 5, 4, 21), "a block ends behind its last value, not at the comment");
    let missing = &items[0].get("missing").expect("missing").value;
    assert_eq!(ends(missing.get("column").expect("column").value.at), (3, 15, 3, 20), "in characters, not in bytes");
    assert_eq!(ends(missing.get("by").expect("by").value.at), (4, 11, 4, 21), "with its bracket");
    assert_eq!(ends(items[1].at), (6, 5, 6, 9));
    assert_eq!(ends(rules.value.at), (2, 3, 6, 9));
    let known = node.get("known").expect("known");
    assert_eq!(ends(known.key_at.to(known.value.at)).0, 7);
    assert!(node.at.end_line >= 10);
}

#[test]
fn repeated_keys_and_multiplying_aliases_are_faults() {
    let twice = Node::parse("a: 1\nb: 2\na: 3\n", "r.yaml").expect_err("fault");
    assert_eq!(twice.to_string(), "r.yaml:3:1: `a` stands twice here, first on line 1; keep one of them");
    let mut bomb = String::from("l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..9 {
        let prev = format!("*l{},", i - 1).repeat(10);
        bomb.push_str(&format!("l{i}: &l{i} [{prev}]\n"));
    }
    assert!(Node::parse(&bomb, "b").expect_err("fault").to_string().contains("aliases expanded"));
}

//! Values that other programs made and judged: python-stdnum 2.2 (IBAN, Luhn, ISBN), vininfo 1.11 (VIN), pycountry 26.2 (codes).

use super::{checked, codes};

fn all(read: fn(&str) -> bool, expected: bool, texts: &str) {
    for text in texts.split_ascii_whitespace() {
        assert_eq!(read(text), expected, "{text}");
    }
}

/// For each country of `stdnum/iban.dat`: a random BBAN by its structure, then
/// `number = cc + stdnum.iban.calc_check_digits(cc + "xx" + bban) + bban`.
#[test]
fn what_stdnum_makes_for_every_country_is_an_iban() {
    let texts = "\
    AD7029141777OD6V1OR0SHE6 AE740008063608377835337 AL8406812415WRWCJIVWP2UFPQBN AT745178128657070499 AZ59MUFFWE0CYZEPWMMTHZ0OW8XZ \
    BA236075983867565088 BE14957903289218 BG58BVCC0704347BMI4AAG BH95FVIUITKVU71JOLQCG6 BI1983960306202786838738069 \
    BR0260423041144269420809397FW BY07OCM63969CV6OIWV1KPI1ACK8 CH6163416ZMYVYF4258AA CR85345984555143972981 \
    CY1006162251O4ZE5HNIY7TH62I0 CZ3901610339621723216684 DE38475135000495765611 DJ2697143987542834335141719 DK3053640525943518 \
    DO465FE136148110045772185182 EE832254189423280598 EG673246820341768487870652470 ES2069005929224469629137 FI2628587335773658 \
    FK98XU430185283444 FO4652791198962246 FR149076568280X5G6H585SFO66 GB05KOET73169861443680 GE11QO9009343242834494 \
    GI79OZZFYMVQ7DODI6170YI GL0821859468585017 GR887548659V7OODZ0HWCTXQJAS GT64XCNX0ORPL4VFI1Q9PHB40MGQ HN10RJEO47278048196151702821 \
    HR3449438335411857880 HU50484593686274953493096563 IE10GCUX29792947822275 IL526313411365712009030 IQ38WQXT754192136377623 \
    IS824789637457913100075694 IT72M2200628096G85TJ02Y3X82 JO63YDNC3072HCSOLHGFF3BMRZX3MZ KW06RGWRR4H4GB693DR235WUWN6K28 \
    KZ80072PS1XH5GK5J2O3 LB194524O7J6RFWZDLLWPU68SXZX LC85AJXFCNOXK6QM842JYKQJKMHKXW0X LI97255594SHUTNO5383X LT609439555647958820 \
    LU3743987BQ36YH6DG4X LV76CCZGBWR1NVIECVFRS LY16583714630868716989960 MC357034081485YZIXQYXQJSJ28 MD628ZAG0R2NQPI1550OHTHN \
    ME28756717526202452946 MK35846HRLVDVPR5423 MN183014271620169083 MR4465018614427031617487619 MT41DEMT32846YIVYDLV60MH3YSJ6EW \
    MU75IWHN2243689089826447447GPL NI86PHKF92978208582359775122 NL46IHCU8092139389 NO9346500493134 OM79549XO17LM87G92M456J \
    PK18HIQBN158PNF6LH0WK7M8 PL50461998796864348209812336 PS50RAIRHXGU8P6N4YNYZW1JS8949 PT44375542267619244908026 \
    QA96RDOARRHNQPT36U20278XWMZHM RO36WHZTF6ZMA72KRMG3RQOM RS19573982051828751907 RU1662631355377573RSPY7VH890OQ614 \
    SA5376WI99X6G1TPEYP0YFRA SC80FKVH18822690836308389813MYO SD0990618170830047 SE7762928587868266374524 SI37429155244456497 \
    SK6622433198938639287631 SM29C2006662992YY4FO8ICPMBE SO792578418437049919574 ST92005221169338861368294 \
    SV50AWDZ39678934028836466471 TL852280707368531106732 TN4983868533591507092247 TR45981961PWJPHMU3ZU1RJK9Z \
    UA45195668172X06LLNZ2N4V5YSLW VA50025532929165865549 VG97BWCY3468499112461248 XK024331470843818554 YE68EBOL0056AZ2XRBCE78W7HTC3NT";
    assert_eq!(texts.split_ascii_whitespace().count(), 89);
    all(checked::is_iban, true, texts);
    // The registry's own example, without blanks and as it is printed; Brazil's with letters in the code of the bank.
    for text in ["GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19", "NO93 8601 1117 947", "BE68 5390 0754 7034"] {
        assert!(checked::is_iban(text), "{text}");
    }
}

/// One of: a digit more, and check digits that fit; another check digit; another digit. All are `not stdnum.iban.is_valid(number,
/// check_country=False)`.
#[test]
fn what_stdnum_refuses_is_no_iban() {
    let texts = "\
    AD7029141777OD6V1OR0SH06 AT705178128657070499 BE14957903289208 BI1983960306202786838738009 CH6063416ZMYVYF4258AA \
    CZ3001610339621723216684 DK3153640525943518 EG603246820341768487870652470 FK90XU430185283444 GB82KOET731698614436800 \
    GL0021859468585017 HN10RJEO47278048196151702801 IE10GCUX29792947822205 IS1847896374579131000756940 KW00RGWRR4H4GB693DR235WUWN6K28 \
    LC53AJXFCNOXK6QM842JYKQJKMHKXW0X0 LU3043987BQ36YH6DG4X MC357034081485YZIXQYXQJSJ08 MK44846HRLVDVPR54230 \
    MT41DEMT32846YIVYDLV60MH3YSJ60W NL40IHCU8092139389 PK10HIQBN158PNF6LH0WK7M8 PT40375542267619244908026 RS205739820518287519070 \
    SC85FKVH18822690836308389813MYO0 SI114291552444564970 SO702578418437049919574 TL802280707368531106732 \
    UA40195668172X06LLNZ2N4V5YSLW XK004331470843818554";
    all(checked::is_iban, false, texts);
    // `stdnum` takes blanks anywhere, small letters, and check digits that leave 1 but are not those of the standard (98 less what is left).
    for text in
        ["", "GB", "GB29", "gb29NWBK60161331926819", " GB29NWBK60161331926819", "GB29 NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19 "]
    {
        assert!(!checked::is_iban(text), "{text}");
    }
    for text in ["GB29  NWBK 6016 1331 9268 19", "XX29NWBK60161331926819", "GB29-NWBK-6016-1331-9268-19", "ÄÄ29NWBK60161331926819", "GBé9"]
    {
        assert!(!checked::is_iban(text), "{text}");
    }
}

/// `x + stdnum.luhn.calc_check_digit(x)`, and with another last digit.
#[test]
fn numbers_of_cards_are_those_of_stdnum() {
    let good = "\
    9530070243 003182083372 3785561392393 96975070199698 516387998879975 2484969844409075 5387375266015047 0460554903151123 \
    69530289544668711 639093336639245043 7220568587591948465";
    let bad = "\
    9530070242 003182083377 3785561392398 96975070199694 516387998879973 2484969844409073 5387375266015046 0460554903151128 \
    69530289544668715 639093336639245041 7220568587591948466";
    all(checked::is_card, true, good);
    all(checked::is_card, false, bad);
    for text in ["4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"] {
        assert!(checked::is_card(text), "{text}");
    }
    // Too short and too long (Luhn's digit is right); separators twice, mixed, or at an end; other digits than ASCII's.
    for text in [
        "",
        "0",
        "182424245",
        "41111111111111111111",
        "4111  1111 1111 1111",
        "4111-1111 1111-1111",
        "-4111111111111111",
        "4111111111111111 ",
    ] {
        assert!(!checked::is_card(text), "{text}");
    }
    assert!(!checked::is_card("٤١١١١١١١١١١١١١١١") && !checked::is_card("4111.1111.1111.1111"));
}

/// `x + stdnum.isbn._calc_isbn10_check_digit(x)`, `x + stdnum.ean.calc_check_digit(x)`; neighbours swapped, another last digit.
#[test]
fn isbns_are_those_of_stdnum() {
    let good = "\
    4171839467 9794019888223 4013006014 9781085509084 3734498848 9783360387059 5610928125 9784241052172 2304509177 9784210301133 \
    4486304357 9796796616372 5291316489 9796567555671 8052424925 9783722219431 5524741624 9798125127801 035585855X 9783604930348 \
    5963503493 9784123584227 3149888980 9798987285367";
    let bad = "\
    4171389467 9794019888226 9781085509087 3734948848 9783360387052 5610298125 9784241052175 2304059177 9784210301136 4486034357 \
    9796796616375 5291136489 9796567555674 8052244925 9783722219434 5524471624 9798125127804 035558855X 9783604930341 5963053493 \
    9784123584220 9798987285360";
    all(checked::is_isbn, true, good);
    all(checked::is_isbn, false, bad);
    for text in ["978-3-16-148410-0", "978 3 16 148410 0", "0-306-40615-2", "99921-58-10-7", "0 8044 2957 X", "979-10-90636-07-1"] {
        assert!(checked::is_isbn(text), "{text}");
    }
    // A part too many or too few, a hyphen elsewhere, both separators, a small x, music (stdnum takes it), an EAN of other goods.
    for text in [
        "978-3-16-1484-10-0",
        "978-316-148410-0",
        "9783-16-1484-10-0",
        "978-3-16-14841-00",
        "978-3 16-148410-0",
        "0-306-406152",
        "080442957x",
    ] {
        assert!(!checked::is_isbn(text), "{text}");
    }
    for text in ["", "X", "-", "9790260000438", "4006381333931", "0-306-40615--2", "0-306 40615-2", "0-306-40615 2", "03064061-52"] {
        assert!(!checked::is_isbn(text), "{text}");
    }
}

/// `vininfo.Vin(number).verify_checksum(check_year=False)`; with another check digit.
#[test]
fn vehicle_numbers_are_those_of_vininfo() {
    let good = "\
    1HGBEFYY093128792 2T12VXLP22A834917 3VWJ0HZ19NB159997 5YJ6Y5230JA442879 LSVBHTXJ590686435 4T1UEXNJ0D2802938 JH4X8UML3JA489474 \
    1FADHALE2Y3093644 2HG6NLZV2N3792083 3N1F87H00ME304221 1HGG4P5N8JC976898 2T1BV99G8NB811675 3VWFEUG005C725193 5YJMDJJW721983761 \
    LSVM6DLA2LB348917 4T10CPAH1CE364824 JH4765M7XW1566167 1FAVYR1377F310512 2HGXR76P7S3639524 3N123W8W7TD449241";
    let bad = "\
    1HGBEFYY193128792 2T12VXLP02A834917 3VWJ0HZ10NB159997 5YJ6Y5231JA442879 LSVBHTXJ090686435 4T1UEXNJ1D2802938 1FADHALE0Y3093644 \
    2HG6NLZV0N3792083 3N1F87H01ME304221 1HGG4P5N0JC976898 2T1BV99G0NB811675 3VWFEUG015C725193 5YJMDJJW021983761 LSVM6DLA0LB348917 \
    4T10CPAH0CE364824 1FAVYR1307F310512 2HGXR76P0S3639524 3N123W8W0TD449241";
    all(checked::is_vin, true, good);
    all(checked::is_vin, false, bad);
    // The standard's own example of an American number; European and Japanese ones need no check digit.
    for text in ["1M8GDM9AXKP042788", "11111111111111111", "WBA3A5C50CF256651", "WVWZZZ1JZ3W386752", "JH4X8UML0JA489474"] {
        assert!(checked::is_vin(text), "{text}");
    }
    for text in
        ["", "WVWZZZ1JZ3W38675", "WVWZZZ1JZ3W3867522", "WVWZZZ1JZ3W38675A", "wvwzzz1jz3w386752", "WVWZZZ1JZ3O386752", "WVWZZZ1JZ3W-386752"]
    {
        assert!(!checked::is_vin(text), "{text}");
    }
}

/// How many there are, and what is left of `h = h * 31 + byte` over all in order with blanks between:
/// `functools.reduce(lambda h, b: (h * 31 + b) % 1000000007, " ".join(sorted(codes)).encode(), 7)`.
fn digest(codes: impl Iterator<Item = &'static str>) -> (usize, u64) {
    let mut codes: Vec<&str> = codes.collect();
    codes.sort_unstable();
    (codes.len(), codes.join(" ").bytes().fold(7, |h, byte| (h * 31 + u64::from(byte)) % 1_000_000_007))
}

/// Of `{c.alpha_2 for c in pycountry.countries}` and so on.
#[test]
fn lists_of_codes_are_those_of_pycountry() {
    let lists = [&codes::COUNTRIES[..], &codes::CURRENCIES, &codes::LANGUAGES];
    let expected = [(249, 974_899_642), (249, 574_156_440), (249, 493_893_835), (178, 34_229_697), (178, 255_670_331), (184, 190_393_673)];
    let found = lists.iter().flat_map(|lists| lists.iter()).map(|list| digest(list.codes.iter().copied()));
    assert!(found.take(6).eq(expected));
    // Set 3 has changed since the edition that pycountry holds: seven codes came, three went.
    let languages = &codes::LANGUAGES[1].codes;
    let (came, gone) = (["dyl", "lfb", "olb", "osd", "scz", "tvg", "zhk"], ["mrd", "shl", "yol"]);
    assert!(came.iter().all(|code| languages.contains(code)) && !gone.iter().any(|code| languages.contains(code)));
    let before = languages.iter().copied().filter(|code| !came.contains(code)).chain(gone);
    assert_eq!(digest(before), (7923, 764_105_542));
}

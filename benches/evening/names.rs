//! Names of people and rooms in the scripts that a European meeting server sees.
//!
//! Nobody's: given and family names are common ones of their language, put together at random. None is a word that programs
//! print, so that a search for one in a cleaned log finds people, not prose.

/// Given and family names of one script, and how they are joined.
pub struct Script {
    pub given: &'static [&'static str],
    pub family: &'static [&'static str],
    pub joint: &'static str,
    /// Written with combining marks (NFD), as some systems type them.
    pub decomposed: bool,
}

const fn script(given: &'static [&'static str], family: &'static [&'static str]) -> Script {
    Script { given, family, joint: " ", decomposed: false }
}

pub const SCRIPTS: &[Script] = &[
    script(
        &["Zoë", "Anaïs", "Jürgen", "Renée", "Søren", "Łucja", "Friðrika", "Božena"],
        &[
            "Visser-Jönsson",
            "Ångström",
            "Müllerová",
            "Hernández",
            "Lefèvre",
            "Þorvaldsdóttir",
            "Kraszewska",
            "Ñuñez",
        ],
    ),
    script(
        &["Siobhán", "Gaia", "Wouter", "Marieke", "Caoimhe", "Ruaridh", "Aoife", "Liesbeth"],
        &[
            "O'Brien",
            "D’Angelo",
            "van ’t Hoff",
            "O’Shaughnessy",
            "M'Bala",
            "D'Souza",
            "in 't Veld",
            "O'Riordan",
        ],
    ),
    script(
        &["Ελένη", "Γιώργος", "Κατερίνα", "Νίκος", "Άγγελος", "Δέσποινα", "Θεόδωρος", "Ξένια"],
        &[
            "Παπαδοπούλου",
            "Οικονόμου",
            "Βασιλείου",
            "Καραγιάννης",
            "Ψαρράς",
            "Σταματίου",
            "Ζαχαριάδης",
            "Μητσοτάκη",
        ],
    ),
    script(
        &["Светлана", "Дмитрий", "Олександра", "Юлия", "Ђорђе", "Владимир", "Ганна", "Михайло"],
        &["Кузнецова", "Шевченко", "Њ. Љубичић", "Щербакова", "Ёлкин", "Їжакевич", "Цветановић", "Воробьёва"],
    ),
    script(
        &["فاطمة", "محمود", "ياسمين", "عبدالرحمن", "ليلى", "خديجة", "طارق", "نور الهدى"],
        &["الخطيب", "بن يوسف", "المنصوري", "حداد", "القاسم", "الزهراني", "عبد الله", "شاهين"],
    ),
    script(
        &["נועם", "שרה", "אביגיל", "יעקב", "תמר", "מיכאל", "רחלי", "דניאל"],
        &["רוזנברג", "כהן-לוי", "בן־דוד", "שפירא", "אברמוביץ", "פרידמן", "גולדשטיין", "מזרחי"],
    ),
    script(
        &["अनन्या", "विक्रम", "प्रिया", "कृष्णा", "ज्योति", "हरीश", "दीपिका", "सुरेन्द्र"],
        &["शर्मा", "श्रीवास्तव", "चट्टोपाध्याय", "देशपांडे", "मिश्रा", "कुलकर्णी", "त्रिपाठी", "अय्यर"],
    ),
    script(
        &["สมชาย", "พรทิพย์", "กิตติศักดิ์", "วรรณา", "ณัฐพล", "สุดารัตน์", "ปิยะ", "อรุณี"],
        &["ศรีสุวรรณ", "วงศ์ประเสริฐ", "ทองดี", "รัตนกุล", "บุญเรือง", "จันทร์เพ็ญ", "แซ่ตั้ง", "เจริญผล"],
    ),
    Script {
        given: &["小林", "佐々木", "髙橋", "渡邊", "五十嵐", "長谷川", "藤原", "斎藤"],
        family: &["花子さん", "一郎太", "さくら子", "ケンジ郎", "美由紀", "陽菜子", "大輔殿", "ﾀﾛｳ君"],
        joint: "\u{3000}",
        decomposed: false,
    },
    Script {
        given: &["欧阳", "司马", "诸葛", "上官", "慕容", "皇甫", "尉迟", "令狐"],
        family: &["晓明", "丽华", "志强", "雪梅", "建国", "文静", "子涵", "國榮"],
        joint: "",
        decomposed: false,
    },
    Script {
        given: &["김민", "이서", "박지", "최윤", "정하", "강도", "조예", "남궁"],
        family: &["준호", "연우", "훈석", "아름", "은별", "현빈", "린아", "민수"],
        joint: "",
        decomposed: false,
    },
    script(
        &["İsmail", "Işıl", "Çağrı", "Gülşen", "Şükrü", "Ayşegül", "Ilgın", "Ömer"],
        &["Işık", "Yıldırım", "İnönü", "Öztürk", "Dağdelen", "Kılıçdaroğlu", "Şimşek", "Güneş"],
    ),
    script(
        &[
            "Annegret",
            "Wolfgang",
            "Ingeborg",
            "Siegfried",
            "Hildegard",
            "Ekkehard",
            "Gudrun",
            "Dr. Balthasar",
        ],
        &["Strauß", "Großmann", "Weiß-Schönfeld", "Süßkind", "Preußler", "Heßling", "Füßli", "Voßkuhle"],
    ),
    Script {
        given: &["Véronique", "Hélène", "Andrés", "Iñaki", "Phương", "Jérôme", "Dũng", "Chloé"],
        family: &[
            "Müller",
            "Nguyễn Thị",
            "Škvorecký",
            "Gonçalves",
            "Étienne",
            "Trần Văn",
            "Bělohlávek",
            "Fernández",
        ],
        joint: " ",
        decomposed: true,
    },
    script(
        &["Femke 🌻", "🦊 Joris", "Thijs ✨", "Maaike 👩🏽‍💻", "Bram 🏳️‍🌈", "Roos❤️", "Koen 🚲", "Sanne 🇳🇱"],
        &[
            "de Wit-Hoekstra",
            "Achterberg",
            "Zonneveld",
            "Kuipers",
            "Terpstra",
            "Wijngaarden",
            "Dijkgraaf",
            "Bosch & Zn.",
        ],
    ),
    script(
        &["Wilhelmina", "Bartholomeus", "Quirine", "Adelheid", "Ottokar", "Philippa", "Ludovica", "Thaddeus"],
        &["", "", "", "", "", "", "", ""],
    ),
    script(
        &[
            "Maria da Conceição",
            "João Guilherme Frederico",
            "Ana Beatriz Henriqueta",
            "José Luís Sebastião",
            "Inês Carolina Aurélia",
            "Pedro Afonso Teodoro",
            "Rita Madalena Leopoldina",
            "Tomás Agostinho Xavier",
        ],
        &[
            "Albuquerque de Vasconcelos e Sousa",
            "Mascarenhas Barreto de Mendonça",
            "Figueiredo Castelo-Branco",
            "Cavalcanti Guimarães Pereira da Silva",
            "Bragança Noronha e Menezes",
            "Saldanha Vilhena de Azevedo",
            "Távora Lencastre Coutinho",
            "Magalhães Queiroz e Ataíde",
        ],
    ),
];

/// Rooms as people type them. The first is the one that the demo follows.
pub const ROOMS: &[&str] = &[
    "Quartalsgespräch Schmidt",
    "Совет директоров",
    "東京 オフィス会議",
    "UnseenKidsComputeAppallingly",
    "Συνέλευση Πέμπτης",
    "İstanbul Işık Toplantısı",
    "ห้องประชุม เชียงใหม่",
    "اجتماع الإدارة",
    "Straßenfest Komitee 2026",
    "한국어 회의실",
    "ישיבת צוות הנהלה",
    "बैठक कक्ष दिल्ली",
    "Cafe\u{301} Re\u{301}union Hebdo",
    "Sonnenblume 🌻 Kita",
    "Ｆｕｌｌｗｉｄｔｈ Ｋａｉｇｉ",
    "vertrouwenspersoon-gesprek_7",
    "Łódzki zarząd",
    "项目评审会",
    "Familie de Wit-Hoekstra",
    "PurpleLlamasNegotiateQuietly",
];

/// Words for rooms beyond the list, and for the names that jitsi-meet proposes.
pub const ADVERBS: &[&str] =
    &["Boldly", "Cheerfully", "Drowsily", "Elegantly", "Frantically", "Gingerly", "Hungrily", "Jealously"];
pub const BEASTS: &[&str] =
    &["Otters", "Walruses", "Badgers", "Herons", "Lemurs", "Ocelots", "Pelicans", "Tapirs"];
pub const DEEDS: &[&str] = &["Juggle", "Whistle", "Gallop", "Knit", "Doze", "Yodel", "Meander", "Squabble"];

pub const TENANTS: &[&str] = &["gemeente-zeist", "hogeschool", "ziekenhuis-oost"];

/// What accounts and mail addresses are made of.
pub const HANDLES: &[&str] = &[
    "annika",
    "balthazar",
    "cornelis",
    "dorothea",
    "eduardo",
    "fenna",
    "gerlinde",
    "hadewych",
    "ignacio",
    "jacqueline",
    "klaartje",
    "leopold",
    "margriet",
    "nikolaos",
    "oleksandr",
    "pietronella",
    "quinten",
    "roswitha",
    "sigrid",
    "theofiel",
];
pub const SURNAMES: &[&str] = &[
    "achterhoek",
    "bergstroem",
    "castellani",
    "dijkhuizen",
    "eichendorff",
    "feenstra",
    "grabowski",
    "hoogenboom",
    "ivanenko",
    "jorgensen",
    "kowalczyk",
    "lindqvist",
    "montebello",
    "nieuwenhuis",
    "oosterbaan",
    "papadakis",
    "quispel",
    "ruiterkamp",
    "stavropoulos",
    "terlouw",
];
pub const MAIL_HOSTS: &[&str] =
    &["uni-muenster.example", "mail.example.net", "zorggroep.example", "example.com"];

/// The words that a browser makes a statistics id from.
pub const STATS_WORDS: &[&str] = &[
    "Terrance", "Hilton", "Delbert", "Elva", "Madisyn", "Kayley", "Orval", "Dangelo", "Rosalee", "Jermaine",
    "Zella", "Ottis", "Laurine", "Furman", "Burnice", "Lavada",
];

/// Browsers of participants.
pub const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) JitsiMeet/25.2.0",
    "okhttp/4.12.0",
];

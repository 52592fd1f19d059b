/** One text about bees in seven languages, written for these tests, with a summary and answers as people give them. */
export interface ForeignText {
  text: string;
  /** Of the whole text, in words of its own. */
  summary: string;
  question: string;
  /** Sentences of the text that answer it, and the same in other words. */
  quoted: string;
  said: string;
}

export const FOREIGN_TEXTS: Readonly<Record<string, ForeignText>> = {
  Chinese: {
    text: "蜜蜂把蜂巢中心的温度保持在三十五度左右,不管外面的天气如何。如果温度太低或太高,幼虫就会死亡或发育不良。冬天,整个蜂群聚成一团,里面的蜜蜂抖动飞行肌肉来产生热量,但翅膀并不动。外层的蜜蜂和里面的蜜蜂轮流交换位置,这样谁也不会冻死。产生热量要消耗蜂蜜,一个强壮的蜂群从秋天到春天要吃掉二十公斤。夏天的危险正好相反。工蜂排成队站在门口扇动翅膀,把热空气从一边排出去,让冷空气从另一边进来。如果这样还不够,采集蜂就不再采蜜,而是去取水。它们把水薄薄地涂在巢脾上,水蒸发时就把热量带走。养蜂人测量过,一个涂成黑色的金属蜂箱在太阳下也能保持凉爽,只要附近有池塘。哪只蜜蜂做什么事,并没有领导来决定。每只蜜蜂开始扇风的温度都不一样,因为蜂王和十几只雄蜂交配,女儿们各不相同。如果所有工蜂都是亲姐妹,蜂巢的温度就会上下波动好几度。因此育种的人应该保留一些多样性。靠近房屋的蜂箱旁边应该放一个浅水盘。",
    summary:
      "为了让后代存活,蜂群必须控制巢内温度。寒冷时它们挤在一起发抖取暖,并消耗大量储备。炎热时它们通风并利用水分降温。这一切无人指挥,靠的是个体之间的差异。所以饲养者要注意品种多样并提供水源。",
    question: "天气炎热时,蜜蜂怎样给蜂巢降温?",
    quoted:
      "工蜂排成队站在门口扇动翅膀,把热空气从一边排出去,让冷空气从另一边进来。它们把水薄薄地涂在巢脾上,水蒸发时就把热量带走。",
    said: "它们先在入口处通风。要是还不行,就带水回来,靠水分变干来散热。",
  },
  Japanese: {
    text: "ミツバチは、外の天気にかかわらず、巣の中心を約三十五度に保つ。温度が低すぎたり高すぎたりすると、幼虫は死ぬか、うまく育たない。冬になると群れは一つの球になり、中のハチは羽を動かさずに飛ぶための筋肉を震わせる。外側のハチは内側のハチと場所を交代するので、凍えるものはいない。熱を作るには蜂蜜が必要で、強い群れは秋から春までに二十キロを食べる。夏の危険はその反対である。働きバチは入り口に並んで羽であおぎ、片側から暖かい空気を出し、反対側から冷たい空気を入れる。それでも足りないときは、蜜を集めるのをやめて水を取りに行く。水を巣の上に薄く広げると、蒸発するときに熱を奪う。黒く塗った金属の巣箱でも、近くに池があれば日なたで涼しいままだったと養蜂家は測っている。どのハチが何をするかを決める指導者はいない。女王が十数匹の雄と交尾し、娘たちがそれぞれ違うため、あおぎ始める温度は一匹ごとに異なる。すべてが同じ父の姉妹である群れでは、巣の温度が数度も揺れる。だから品種を改良する人は多様性を残すべきである。家の近くの巣箱には浅い水の皿を置くとよい。",
    summary:
      "子どもを育てるために、ミツバチは巣の温度を一定に保っている。寒いときは集まって体を震わせ、蓄えをたくさん使う。暑いときは風を送り、水で冷やす。命令する者はおらず、個体の違いが調節を助けている。飼う人は多様性と水に気をつけるとよい。",
    question: "暑いとき、ミツバチはどうやって巣を冷やすのか?",
    quoted:
      "働きバチは入り口に並んで羽であおぎ、片側から暖かい空気を出し、反対側から冷たい空気を入れる。水を巣の上に薄く広げると、蒸発するときに熱を奪う。",
    said: "まず入り口で風を起こす。それで足りなければ水を運び、乾くときの冷たさを使う。",
  },
  Russian: {
    text: "Пчёлы держат середину гнезда при температуре около тридцати пяти градусов, какой бы ни была погода снаружи. Если там намного холоднее или жарче, расплод гибнет или вырастает слабым. Зимой семья собирается в клуб, и пчёлы внутри него дрожат мышцами крыльев, не двигая самими крыльями. Те, что сидят снаружи, меняются местами с теми, что внутри, и поэтому никто не замерзает. Тепло стоит мёда, и сильная семья съедает двадцать килограммов с осени до весны. Летом опасность противоположная. Тогда рабочие пчёлы стоят рядами у входа и машут крыльями, выгоняя тёплый воздух с одной стороны и впуская прохладный с другой. Если этого мало, сборщицы перестают носить нектар и приносят воду. Они намазывают её тонким слоем на соты, и вода, испаряясь, уносит тепло. Пчеловоды измерили, что чёрный железный улей оставался прохладным на солнце, пока рядом был пруд. Никакой начальник не решает, кто что делает. У каждой пчелы своя температура, при которой она начинает махать, потому что матка спаривается с десятком трутней и её дочери разные. Если все рабочие пчёлы родные сёстры, температура в гнезде колеблется на несколько градусов. Поэтому тем, кто разводит пчёл, следует сохранять разнообразие. Возле ульев у домов нужно поставить мелкую миску с водой.",
    summary:
      "Семья поддерживает постоянное тепло, иначе потомство не выживет. В мороз насекомые жмутся друг к другу, дрожат и тратят много запасов. В жару они проветривают жилище и охлаждают его влагой. Приказов никто не отдаёт, всё держится на различиях между сёстрами. Хозяевам советуют беречь разнообразие и ставить воду.",
    question: "Как пчёлы охлаждают гнездо в жаркую погоду?",
    quoted:
      "Тогда рабочие пчёлы стоят рядами у входа и машут крыльями, выгоняя тёплый воздух с одной стороны и впуская прохладный с другой. Они намазывают её тонким слоем на соты, и вода, испаряясь, уносит тепло.",
    said: "Сначала они проветривают вход. Когда этого не хватает, насекомые несут влагу, и высыхая, она забирает жару.",
  },
  Arabic: {
    text: "يحافظ النحل على حرارة وسط العش عند خمس وثلاثين درجة تقريبا مهما كان الطقس في الخارج. تموت اليرقات أو تنمو ضعيفة إذا كان الجو أبرد أو أسخن من ذلك بكثير. في الشتاء تتجمع الخلية على شكل كرة ويرتجف النحل في داخلها بعضلات الأجنحة دون أن يحركها. يتبادل النحل الذي في الخارج مكانه مع النحل الذي في الداخل حتى لا يتجمد أحد. تكلف الحرارة عسلا وتأكل الخلية القوية عشرين كيلوغراما بين الخريف والربيع. في الصيف يكون الخطر معاكسا. تقف العاملات عند المدخل في صفوف وتحرك أجنحتها فتخرج الهواء الساخن من جهة ويدخل الهواء البارد من الجهة الأخرى. إذا لم يكف ذلك تتوقف العاملات عن جمع الرحيق وتجلب الماء بدلا منه. تنشر الماء في طبقة رقيقة على الأقراص فيتبخر ويأخذ الحرارة معه. قاس مربو النحل أن خلية معدنية سوداء بقيت باردة تحت الشمس ما دام قربها حوض ماء. لا يقرر أي قائد من يفعل ماذا. لكل نحلة درجة حرارة خاصة تبدأ عندها بالتهوية لأن الملكة تتزاوج مع عشرة ذكور وبناتها مختلفات. إذا كانت كل العاملات شقيقات تتأرجح حرارة العش عدة درجات. لذلك يجب على المربين أن يحافظوا على التنوع. ينبغي وضع صحن ماء قليل العمق قرب الخلايا المجاورة للبيوت.",
    summary:
      "تضبط الحشرات حرارة بيتها كي يعيش صغارها. عند البرد تتلاصق وترتعش وتستهلك مخزونها. وعند الحر تهوي المدخل وتستعمل الماء للتبريد. لا أحد يعطي الأوامر بل الاختلاف بين الأخوات ينظم العمل. ينصح الكاتب بالتنوع وبتوفير الماء.",
    question: "كيف يبرد النحل عشه في الجو الحار؟",
    quoted:
      "تقف العاملات عند المدخل في صفوف وتحرك أجنحتها فتخرج الهواء الساخن من جهة ويدخل الهواء البارد من الجهة الأخرى. تنشر الماء في طبقة رقيقة على الأقراص فيتبخر ويأخذ الحرارة معه.",
    said: "تهوي الحشرات الباب أولا. وإن لم يكف ذلك حملت الماء ليجف فيخفض السخونة.",
  },
  German: {
    text: "Honigbienen halten die Mitte ihres Nestes auf etwa fünfunddreißig Grad, wie auch immer das Wetter draußen ist. Die Brut stirbt oder wächst verkrüppelt heran, wenn es dort viel kälter oder heißer ist. Im Winter hängt das Volk in einer Kugel zusammen, und die Bienen darin zittern mit den Muskeln ihrer Flügel, ohne diese zu bewegen. Die äußeren tauschen den Platz mit den inneren, so dass keine von ihnen erfriert. Wärme kostet Honig, und ein starkes Volk verbraucht zwanzig Kilogramm davon zwischen Herbst und Frühling. Im Sommer ist die Gefahr die umgekehrte. Dann stehen Arbeiterinnen in Reihen am Eingang und fächeln mit ihren Flügeln, so dass auf der einen Seite warme Luft austritt und auf der anderen kühle eintritt. Wenn das nicht reicht, hören die Sammlerinnen auf, Nektar zu holen, und bringen stattdessen Wasser. Sie verteilen es in dünnen Schichten auf den Waben, wo es verdunstet und Wärme mitnimmt. Imker haben gemessen, dass ein schwarz gestrichener Kasten aus Blech in der Sonne kühl blieb, solange ein Teich in der Nähe war. Welche Biene was tut, bestimmt kein Anführer. Jede hat ihre eigene Temperatur, bei der sie zu fächeln beginnt, weil die Königin sich mit einem Dutzend Drohnen paart und ihre Töchter verschieden sind. Ein Volk, dessen Arbeiterinnen alle Schwestern sind, lässt sein Nest um mehrere Grad schwanken. Züchter sollten deshalb etwas Vielfalt behalten. Neben Stöcke in der Nähe von Häusern gehört eine flache Schale mit Wasser.",
    summary:
      "Ein Bienenvolk regelt seine Temperatur, weil der Nachwuchs sonst nicht überlebt. Bei Kälte rücken die Tiere zusammen, zittern und zehren von ihren Vorräten. Bei Hitze lüften sie und kühlen mit verdunstendem Wasser. Niemand gibt Befehle, vielmehr sorgen Unterschiede zwischen den Schwestern für Ausgleich. Halter sollen auf Vielfalt achten und eine Tränke anbieten.",
    question: "Wie kühlen Bienen ihr Nest bei heißem Wetter?",
    quoted:
      "Dann stehen Arbeiterinnen in Reihen am Eingang und fächeln mit ihren Flügeln, so dass auf der einen Seite warme Luft austritt und auf der anderen kühle eintritt. Sie verteilen es in dünnen Schichten auf den Waben, wo es verdunstet und Wärme mitnimmt.",
    said: "Zuerst lüften sie am Flugloch. Genügt das nicht, tragen sie Feuchtigkeit ein, die beim Trocknen kühlt.",
  },
  Spanish: {
    text: "Las abejas mantienen el centro de su nido a unos treinta y cinco grados, haga el tiempo que haga fuera. La cría muere o crece débil cuando hace mucho más frío o más calor que eso. En invierno la colonia se junta en una bola, y las abejas de dentro tiemblan con los músculos de las alas sin moverlas. Las de la capa exterior cambian de sitio con las de dentro, para que ninguna se congele. El calor cuesta miel, y una colonia fuerte come veinte kilos entre el otoño y la primavera. En verano el peligro es el contrario. Entonces las obreras se ponen en filas en la entrada y abanican con las alas, de modo que sale aire caliente por un lado y entra aire fresco por el otro. Si eso no basta, las recolectoras dejan de buscar néctar y traen agua. La extienden en capas finas sobre los panales, donde se evapora y se lleva el calor. Los apicultores han medido que una colmena de metal pintada de negro seguía fresca al sol mientras hubiera un estanque cerca. Ningún jefe decide qué hace cada abeja. Cada una tiene su propia temperatura a la que empieza a abanicar, porque la reina se aparea con una docena de zánganos y sus hijas son distintas. Una colonia cuyas obreras son todas hermanas deja que su nido varíe varios grados. Por eso los criadores deben conservar cierta variedad. Junto a las colmenas cercanas a las casas conviene poner un plato de agua poco profundo.",
    summary:
      "Una colonia regula su temperatura porque de otro modo las crías no sobreviven. Con frío los insectos se aprietan, tiritan y gastan muchas reservas. Con calor ventilan la casa y la refrescan con humedad. Nadie da órdenes, pues las diferencias entre hermanas equilibran la respuesta. El autor aconseja diversidad y ofrecer agua.",
    question: "¿Cómo enfrían las abejas su nido cuando hace calor?",
    quoted:
      "Entonces las obreras se ponen en filas en la entrada y abanican con las alas, de modo que sale aire caliente por un lado y entra aire fresco por el otro. La extienden en capas finas sobre los panales, donde se evapora y se lleva el calor.",
    said: "Primero ventilan la puerta. Cuando no es suficiente, acarrean líquido que al secarse baja la temperatura.",
  },
  Hindi: {
    text: "मधुमक्खियाँ अपने छत्ते के बीच का तापमान लगभग पैंतीस डिग्री रखती हैं, बाहर मौसम कैसा भी हो। अगर वहाँ बहुत ठंड या गर्मी हो तो बच्चे मर जाते हैं या कमज़ोर रह जाते हैं। सर्दियों में पूरा झुंड एक गोले में इकट्ठा हो जाता है और अंदर की मधुमक्खियाँ पंख हिलाए बिना पंखों की मांसपेशियों से काँपती हैं। बाहर वाली मक्खियाँ अंदर वाली मक्खियों से जगह बदलती रहती हैं ताकि कोई जम न जाए। गर्मी पैदा करने में शहद खर्च होता है और एक मज़बूत झुंड पतझड़ से वसंत तक बीस किलो खा जाता है। गर्मियों में ख़तरा उल्टा होता है। तब मज़दूर मक्खियाँ दरवाज़े पर कतारों में खड़ी होकर पंखों से हवा करती हैं और गर्म हवा एक ओर से बाहर निकलती है और ठंडी हवा दूसरी ओर से अंदर आती है। अगर यह काफ़ी न हो तो वे रस इकट्ठा करना छोड़कर पानी लाती हैं। वे पानी को छत्ते पर पतली परत में फैलाती हैं जहाँ वह भाप बनकर गर्मी ले जाता है। पालने वालों ने नापा है कि काले रंग का लोहे का डिब्बा धूप में ठंडा रहा जब तक पास में तालाब था। कौन क्या करेगा यह कोई नेता तय नहीं करता। हर मक्खी का अपना तापमान होता है जिस पर वह हवा करना शुरू करती है क्योंकि रानी कई नरों से मिलती है और उसकी बेटियाँ अलग होती हैं। जिस झुंड में सब सगी बहनें हों उसके छत्ते का तापमान कई डिग्री ऊपर नीचे होता है। इसलिए पालने वालों को कुछ विविधता रखनी चाहिए। घरों के पास के डिब्बों के साथ पानी की एक कम गहरी थाली रखनी चाहिए।",
    summary:
      "झुंड अपने घर का ताप स्थिर रखता है नहीं तो संतान नहीं बचती। ठंड में कीड़े सटकर काँपते हैं और बहुत भंडार खर्च करते हैं। लू में वे हवा चलाते हैं और नमी से ठंडक लाते हैं। कोई आदेश नहीं देता बल्कि बहनों का अंतर संतुलन बनाता है। लेखक विविधता और पानी रखने की सलाह देता है।",
    question: "गर्म मौसम में मधुमक्खियाँ छत्ते को कैसे ठंडा करती हैं?",
    quoted:
      "तब मज़दूर मक्खियाँ दरवाज़े पर कतारों में खड़ी होकर पंखों से हवा करती हैं और गर्म हवा एक ओर से बाहर निकलती है और ठंडी हवा दूसरी ओर से अंदर आती है। वे पानी को छत्ते पर पतली परत में फैलाती हैं जहाँ वह भाप बनकर गर्मी ले जाता है।",
    said: "पहले वे मुँह पर हवा चलाती हैं। वह कम पड़े तो तरल ढोती हैं जो सूखकर ताप घटाता है।",
  },
};

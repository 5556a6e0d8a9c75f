/** Names for VMs whose maker gave none: short, easy to say and to type. */
import { parseVmName, type VmName } from "../../base/names.ts";

const first =
  "amber,bold,brave,brisk,calm,clear,coral,crisp,dawn,deft,early,fair,fleet,fresh,gentle,glad,golden,grand,green,happy,hazel,indigo,ivory,jolly,keen,kind,light,lively,lucid,lucky,mellow,merry,misty,nimble,noble,olive,pearl,plain,proud,quick,quiet,rapid,ready,rosy,royal,ruby,sage,sharp,silver,sleek,smart,snowy,solid,spry,steady,still,sunny,swift,tidy,vivid,warm,wise,witty,young".split(
    ",",
  );
const second =
  "ant,badger,bear,beaver,bee,bison,crane,crow,deer,dove,duck,eagle,elk,falcon,finch,fox,frog,gecko,goose,hare,hawk,heron,horse,ibis,jay,kite,koala,lark,lemur,lion,llama,lynx,mole,moose,moth,newt,otter,owl,panda,puffin,quail,rabbit,raven,robin,rook,salmon,seal,shrew,sloth,snail,sparrow,stork,swan,tiger,toad,trout,turtle,viper,vole,walrus,whale,wolf,wren,yak".split(
    ",",
  );

/**
 * @param isTaken asked for each candidate
 * @param random random bytes, three at a time
 */
export function pickName(isTaken: (name: VmName) => boolean, random: (count: number) => Uint8Array): VmName {
  for (let attempt = 0; ; attempt++) {
    const [a = 0, b = 0, c = 0] = random(3);
    const plain = `${first[a % first.length]}-${second[b % second.length]}`;
    const name = parseVmName(attempt < 8 ? plain : `${plain}-${c}${attempt}`);
    if (!isTaken(name)) return name;
  }
}

"""How often `missing: { disguised: true }` warns on healthy columns, and how often it finds what was planted.

The rule is written anew here, from its documentation. Run with a Python that has numpy:

    python tests/reference/disguised.py

Figures are per cent of 1,000 columns (200 of 10,000 rows), at 30, 100, 1,000 and 10,000 rows.
"""
import numpy as np

NUM=[-1,-9,-99,-999,-9999,0,9,99,999,9999,99999]
def judge(x):
    x=np.asarray(x,float); vals,cnt=np.unique(x,return_counts=True)
    is_c=np.isin(vals,NUM)
    o=vals[~is_c]; oc=cnt[~is_c]
    most=oc.max() if len(oc) else 0
    n=len(x); no=oc.sum() if len(oc) else 0
    hit=[]
    for v,c in zip(vals[is_c],cnt[is_c]):
        if not (c>=3 and c>3*most): continue
        if len(o)==0:
            if abs(v)>=999 or v==-99: hit.append(v)
            continue
        lo,hi=o.min(),o.max(); span=hi-lo
        gap=lo-v if v<lo else v-hi if v>hi else -1
        whole=float(lo).is_integer() and float(hi).is_integer()
        apart=gap>span*max(.01,.6/np.sqrt(no)) and (not whole or gap>1)
        long=abs(v)>=999 or v==-99
        many=len(o)>=10
        if long: ok=apart or many
        elif v<0: ok=many and (lo>=0 or apart)
        elif v==0: ok=many and apart and c*2<=n
        else: ok=many and apart
        if ok: hit.append(v)
    return hit
def zi(r,p,f):
    return lambda n: np.where(r.random(n)<p,0,f(n))
def study(seed=20261127):
    r=np.random.default_rng(seed)
    H={
     'flag 0/1 p=.1':lambda n:r.random(n)<.1,
     'flag 0/1 p=.01':lambda n:r.random(n)<.01,
     'constant 0':lambda n:np.zeros(n),
     'sentiment -1/0/1':lambda n:r.choice([-1,0,1],n,p=[.8,.1,.1]),
     'children 0..5':lambda n:r.choice(6,n,p=[.8,.08,.06,.03,.02,.01]),
     'codes 1,2,3,9,99':lambda n:r.choice([1,2,3,9,99],n,p=[.05,.05,.05,.05,.8]),
     'poisson 1':lambda n:r.poisson(1,n),
     'zi poisson 3, 70%':zi(r,.7,lambda n:r.poisson(3,n)),
     'zi poisson 10, 90%':zi(r,.9,lambda n:r.poisson(10,n)),
     'zi negbin, 60%':zi(r,.6,lambda n:r.negative_binomial(1,.05,n)),
     'zi exponential, 40%':zi(r,.4,lambda n:r.exponential(10,n).round(2)),
     'zi lognormal(0,1), 30%':zi(r,.3,lambda n:r.lognormal(0,1,n).round(2)),
     'zi lognormal(3,1.5), 30%':zi(r,.3,lambda n:r.lognormal(3,1.5,n).round(2)),
     'zi gamma(2), 80%':zi(r,.8,lambda n:r.gamma(2,10,n)),
     'change, 50% zero':zi(r,.5,lambda n:r.normal(0,1,n)),
     'normal(0,1)':lambda n:r.normal(0,1,n),
     'uniform int 0..999':lambda n:r.integers(0,1000,n),
     'percent 0..100, capped':lambda n:np.clip(r.normal(90,15,n).round(),0,100),
     'lognormal int':lambda n:r.lognormal(4,1,n).round(),
    }
    def plant(f,v,p): return lambda n: np.where(r.random(n)<p,v,f(n))
    age=lambda n:np.clip(r.normal(40,15,n).round(),0,95)
    P={
     '-1 in ages, 5%':plant(age,-1,.1),
     '0 in prices lognormal(3,.5), 10%':plant(lambda n:r.lognormal(3,.5,n).round(2),0,.1),
     '0 in prices 5..100, 10%':plant(lambda n:r.uniform(5,100,n).round(2),0,.1),
     '999 in heights, 10%':plant(lambda n:r.normal(170,10,n).round(1),999,.1),
     '99 in ages, 20%':plant(lambda n:r.integers(18,80,n),99,.2),
     '9999 in incomes, 5%':plant(lambda n:r.lognormal(10,1,n).round(),9999,.05),
     '-999 in temperatures, 5%':plant(lambda n:r.normal(10,8,n).round(1),-999,.05),
     '-9 in temperatures in C, 5% (inside)':plant(lambda n:r.normal(10,8,n).round(1),-9,.05),
    }
    for name,D in (('healthy',H),('planted',P)):
        print(name)
        for k,f in D.items():
            row=[]
            for n in (30,100,1000,10000):
                s=1000 if n<10000 else 200
                row.append(sum(bool(judge(f(n))) for _ in range(s))/s*100)
            print(f'{k:40}',*(f'{x:6.1f}' for x in row),flush=True)
study()

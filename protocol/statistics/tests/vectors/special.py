import json
from mpmath import mp, mpf, erfc, betainc, gammainc, gamma, sqrt, findroot
mp.dps=60
def nsf(z): return erfc(mpf(z)/sqrt(2))/2
def tsf(t,df):
    t=mpf(t);df=mpf(df)
    h=betainc(df/2,mpf(1)/2,0,df/(df+t*t),regularized=True)/2
    return h if t>=0 else 1-h
def csf(x,k): return gammainc(mpf(k)/2,mpf(x)/2,mp.inf,regularized=True)
f=lambda v: float(v)
out={"source":"mpmath 60 digits: erfc, betainc, gammainc (regularized); spot-checked against scipy.stats norm, t, chi2","made_by":"special.py beside this file, mpmath 1.4.1 and scipy 1.17.1"}
out["normal_sf"]=[[z,f(nsf(z))] for z in [-8.0,-3.0,-1.0,-0.3,0.0,1e-9,0.1,0.5,1.0,1.7,1.9999,2.0,2.0001,2.5,3.0,4.5,6.0,8.0,12.0,15.0,22.62,30.0,37.5]]
out["student_sf"]=[[t,d,f(tsf(t,d))] for t,d in [(-2.0,5.0),(0.0,7.0),(0.001,3.0),(0.5,1.0),(1.0,1.0),(1.0,2.0),(1.7,2.5),(1.74,30.0),(2.0,10.0),(3.0,4.7),(5.0,3.0),(12.0,1.0),(100.0,2.0),(1.0,1e3),(1.96,1e5),(3.0,37486.66940455388),(7.389735721404061,37486.66940455388),(22.620230766723257,40593.68822863579),(5.3,36671.157977360504),(30.0,1e6),(37.0,1e7),(2.0,1e9),(10.0,1e12),(40.0,50.0),(1e6,3.0),(25.0,200.0)]]
out["chi_square_sf"]=[[x,k,f(csf(x,k))] for x,k in [(0.0,3),(0.001,1),(0.2025,2),(0.14,1),(3.84,1),(5.99,2),(10.0,3),(10.0,9),(50.0,4),(100.0,5),(500.0,1),(500.0,7),(300.0,300),(1200.0,30),(60.0,200),(1400.0,2)]]
# quantiles: upper-tail probability -> value, solved to 40 digits
import scipy.stats as st
nq=[]
for p in [0.4,0.2,0.1,0.05,0.025,0.005,1e-3,1e-6,1e-12,1e-30,1e-112,1e-300,0.9,0.975,0.999999]:
    z=findroot(lambda z: mp.log(nsf(z)/mpf(p)), st.norm.isf(p)); nq.append([p,f(z)])
out["normal_upper_quantile"]=nq
tq=[]
for p,d in [(0.025,1.0),(0.025,2.0),(0.025,5.5),(0.025,30.0),(0.05,37486.66940455388),(0.025,40593.68822863579),(0.005,100.0),(1e-10,7.0),(1e-6,1.0),(1e-100,1e4),(0.2,3.0),(0.45,12.0),(0.975,9.0),(0.025,1e10)]:
    t=findroot(lambda t: mp.log(tsf(t,d)/mpf(p)), st.t.isf(p,d)); tq.append([p,d,f(t)])
out["student_upper_quantile"]=tq
for z,v in out["normal_sf"]: assert abs(st.norm.sf(z)/v-1)<1e-13
for t,d,v in out["student_sf"]: 
    r=abs(st.t.sf(t,d)/v-1)
    if r>1e-11: print('scipy differs',t,d,r)
for x,k,v in out["chi_square_sf"]:
    r=abs(st.chi2.sf(x,k)/v-1)
    if r>1e-11: print('chi scipy differs',x,k,r)
import os,sys
dst=sys.argv[1]
s='{\n'+',\n'.join(' %s: %s'%(json.dumps(k), json.dumps(v) if isinstance(v,str) else '[\n'+',\n'.join('  '+json.dumps(r) for r in v)+'\n ]') for k,v in out.items())+'\n}\n'
open(dst,'w').write(s)

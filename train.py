"""Train a network, or sweep over several and compare them; every setting lies in conf/.

python train.py model=resnet20 data=cifar10 seed=1
python train.py -m model=resnet20,fire_small seed=1,2,3
"""

from archbuilder.train import start

if __name__ == "__main__":
    start()
